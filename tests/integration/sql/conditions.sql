-- Diagnoses told by a doctor, sleep disorders, work, births and pregnancy of everyone, blood, urine and energy of the diet.
CREATE MACRO yes_no(code) AS CASE code WHEN 1 THEN 'yes' WHEN 2 THEN 'no' END;
CREATE MACRO told(word) AS CASE WHEN word THEN 'yes' WHEN NOT word THEN 'no' END;
CREATE TABLE IF NOT EXISTS TCHOL (cycle VARCHAR, SEQN DOUBLE, LBXTC DOUBLE);
ALTER TABLE MCQ ADD COLUMN IF NOT EXISTS MCQ160P DOUBLE;

-- Asthma: MCQ035 follows MCQ010; in 1999-2000 MCQ030 was put to people under 20 alone.
CREATE VIEW diagnoses AS
SELECT cycle, SEQN,
    yes_no(MCQ160B) AS heart_failure, yes_no(MCQ160C) AS coronary_disease_told, yes_no(MCQ160D) AS angina,
    yes_no(MCQ160E) AS heart_attack, yes_no(MCQ010) AS asthma,
    CASE WHEN cycle <> '1999-2000' THEN CASE WHEN MCQ010 = 2 THEN 'no' WHEN MCQ010 = 1 THEN yes_no(MCQ035) END END AS asthma_now,
    yes_no(MCQ160G) AS emphysema, yes_no(MCQ160K) AS chronic_bronchitis,
    CASE WHEN cycle = '1999-2000' THEN CASE WHEN MCQ160H = 1 OR MCQ160I = 1 THEN 'yes' WHEN MCQ160H = 2 AND MCQ160I = 2 THEN 'no' END
         ELSE yes_no(MCQ160M) END AS thyroid_disease,
    yes_no(MCQ220) AS cancer, yes_no(MCQ053) AS anemia_treated
FROM MCQ;
CREATE VIEW more_diagnoses AS
SELECT *,
    CASE WHEN emphysema IS NULL AND chronic_bronchitis IS NULL THEN NULL
         WHEN 'yes' IN (coalesce(asthma_now, '?'), coalesce(emphysema, '?'), coalesce(chronic_bronchitis, '?')) THEN 'yes'
         WHEN asthma_now = 'no' AND emphysema = 'no' AND chronic_bronchitis = 'no' THEN 'no' END AS lung_disease,
    CASE WHEN 'yes' IN (coalesce(coronary_disease_told, '?'), coalesce(angina, '?'), coalesce(heart_attack, '?')) THEN 'yes'
         WHEN coronary_disease_told = 'no' AND angina = 'no' AND heart_attack = 'no' THEN 'no' END AS coronary_disease
FROM diagnoses;

-- Cholesterol: to 2009-2010 only those who ever had it checked were asked; never checked is never told.
CREATE VIEW fats AS
SELECT cycle, SEQN,
    CASE WHEN cycle > '2013' THEN yes_no(BPQ080) WHEN BPQ060 = 2 THEN 'no' WHEN BPQ060 = 1 THEN yes_no(BPQ080) END AS high_cholesterol_told
FROM BPQ;

-- Statins by ingredient, as in further.sql.
CREATE VIEW statins AS
SELECT id, bool_or(a = 358 AND b = 19 AND c = 173) AS fat,
    bool_or(a = 358 AND coalesce(b, 19) = 19 AND coalesce(c, 173) = 173 AND (b IS NULL OR c IS NULL)) AS fat_open,
    bool_or(a = 57 AND b = 58 AND c = 60) AS opioid,
    bool_or(a = 57 AND coalesce(b, 58) = 58 AND coalesce(c, 60) = 60 AND (b IS NULL OR c IS NULL)) AS opioid_open,
    bool_or(a = 242 AND b = 249) AS antidepressant, bool_or(a = 242 AND b IS NULL) AS antidepressant_open
FROM (
    SELECT trim(RXDDRGID) AS id, unnest([RXDICI1A, RXDICI2A, RXDICI3A, RXDICI4A, RXDICI5A, RXDICI6A]) AS a,
        unnest([RXDICI1B, RXDICI2B, RXDICI3B, RXDICI4B, RXDICI5B, RXDICI6B]) AS b,
        unnest([RXDICI1C, RXDICI2C, RXDICI3C, RXDICI4C, RXDICI5C, RXDICI6C]) AS c
    FROM RXQ_DRUG
) WHERE a IS NOT NULL GROUP BY id;
CREATE VIEW takers AS
SELECT cycle, SEQN,
    bool_or(takes IS NULL OR takes NOT IN (1, 2) OR (takes = 1 AND drug IS NULL)) AS nameless,
    bool_or(takes = 1 AND fat) AS fat, bool_or(takes = 1 AND (fat_open OR id IS NULL)) AS fat_open,
    bool_or(takes = 1 AND opioid) AS opioid, bool_or(takes = 1 AND (opioid_open OR id IS NULL)) AS opioid_open,
    bool_or(takes = 1 AND antidepressant) AS antidepressant,
    bool_or(takes = 1 AND (antidepressant_open OR id IS NULL)) AS antidepressant_open
FROM (
    SELECT cycle, SEQN, coalesce(RXD030, RXDUSE) AS takes, nullif(trim(RXDDRGID), '') AS drug, statins.*
    FROM RXQ_RX LEFT JOIN statins ON statins.id = trim(RXDDRGID)
) GROUP BY ALL;
CREATE MACRO takes_it(it, open) AS CASE WHEN it THEN 'yes' WHEN NOT coalesce(open, TRUE) THEN 'no' END;

-- The kind of a sleep disorder: told of none, or of another one that is named, is no.
CREATE VIEW nights AS
SELECT cycle, SEQN,
    CASE SLQ030 WHEN 0 THEN 'never' WHEN 1 THEN 'rarely' WHEN 2 THEN 'occasionally' WHEN 3 THEN 'frequently' END AS snoring,
    CASE SLQ030 WHEN 0 THEN 'never' WHEN 1 THEN 'rarely' WHEN 2 THEN 'occasionally' WHEN 3 THEN 'frequently'
                WHEN 9 THEN 'don''t know' END AS snoring_or_unknown,
    CASE SLQ040 WHEN 0 THEN 'never' WHEN 1 THEN 'rarely' WHEN 2 THEN 'occasionally' WHEN 3 THEN 'frequently' END AS snorting,
    CASE WHEN cycle < '2015' THEN yes_no(SLQ060) END AS sleep_disorder_told,
    CASE WHEN SLQ060 = 2 THEN 'no' WHEN SLQ060 = 1 AND SLQ070A = 1 THEN 'yes'
         WHEN SLQ060 = 1 AND SLQ070A IS NULL AND coalesce(SLQ070B, SLQ070C, SLQ070D) IS NOT NULL THEN 'no' END AS sleep_apnea_told,
    CASE WHEN SLQ060 = 2 THEN 'no' WHEN SLQ060 = 1 AND SLQ070B = 2 THEN 'yes'
         WHEN SLQ060 = 1 AND coalesce(SLQ070A, 1) = 1 AND coalesce(SLQ070A, SLQ070C, SLQ070D) IS NOT NULL THEN 'no' END AS insomnia_told,
    CASE WHEN SLQ060 = 2 THEN 'no' WHEN SLQ060 = 1 AND SLQ070C = 3 THEN 'yes'
         WHEN SLQ060 = 1 AND coalesce(SLQ070A, 1) = 1 AND coalesce(SLQ070A, SLQ070B, SLQ070D) IS NOT NULL THEN 'no' END AS restless_legs_told
FROM SLQ;

CREATE VIEW jobs AS
SELECT cycle, SEQN,
    CASE OCD150 WHEN 1 THEN 'working' WHEN 2 THEN 'with a job, not at work' WHEN 3 THEN 'looking for work' WHEN 4 THEN 'not working' END AS employment,
    CASE OCQ380 WHEN 1 THEN 'house or family' WHEN 2 THEN 'school' WHEN 3 THEN 'retired' WHEN 4 THEN 'unable for health'
                WHEN 5 THEN 'layoff' WHEN 6 THEN 'disabled' WHEN 7 THEN 'other' END AS reason_not_working,
    CASE WHEN OCD150 IN (1, 2) THEN 'working' WHEN OCD150 = 3 THEN 'looking for work'
         WHEN OCD150 = 4 THEN CASE WHEN OCQ380 = 5 THEN 'looking for work' WHEN OCQ380 IN (1, 2) THEN 'house, family or school'
              WHEN OCQ380 = 3 THEN 'retired' WHEN OCQ380 IN (4, 6) THEN 'unable to work for health' WHEN OCQ380 = 7 THEN 'other' END
    END AS work_status,
    CASE WHEN cycle = '2007-2008' THEN lower(replace(replace(CASE OCD241 WHEN 1 THEN 'Management Occupations'
         WHEN 2 THEN 'Business, Financial Operations Occupations'
         WHEN 3 THEN 'Computer, Mathematical Occupations'
         WHEN 4 THEN 'Architecture, Engineering Occupations'
         WHEN 5 THEN 'Life, Physical, Social Science Occupations'
         WHEN 6 THEN 'Community, Social Services Occupations'
         WHEN 7 THEN 'Legal Occupations'
         WHEN 8 THEN 'Education, Training, Library Occupations'
         WHEN 9 THEN 'Arts, Design, Entertainment, Sports, Media Occupations'
         WHEN 10 THEN 'Healthcare Practitioner, Technical Occupations'
         WHEN 11 THEN 'Healthcare Support Occupations'
         WHEN 12 THEN 'Protective Service Occupations'
         WHEN 13 THEN 'Food Preparation, Serving Occupations'
         WHEN 14 THEN 'Building & Grounds Cleaning, Maintenance Occupations'
         WHEN 15 THEN 'Personal Care, Service Occupations'
         WHEN 16 THEN 'Sales & Related Occupations'
         WHEN 17 THEN 'Office, Administrative Support Occupations'
         WHEN 18 THEN 'Farming, Fishing, Forestry Occupations'
         WHEN 19 THEN 'Construction, Extraction Occupations'
         WHEN 20 THEN 'Installation, Maintenance, Repair Occupations'
         WHEN 21 THEN 'Production Occupations'
         WHEN 22 THEN 'Transportation, Material Moving Occupations'
         WHEN 23 THEN 'Armed Forces' END, ' & ', ' and '), ' Occupations', '')) END AS occupation_group
FROM OCQ;

-- Births: RHQ171 counts those of women with a delivery; never pregnant, first pregnancy now, or no delivery is 0.
CREATE VIEW women AS
SELECT cycle, SEQN, yes_no(RHQ131) AS ever_pregnant,
    CASE WHEN RHQ131 = 2 THEN 0 WHEN RHQ131 = 1 THEN
         CASE WHEN RHQ171 <= 15 THEN RHQ171 WHEN RHQ166 = 0 AND RHQ169 = 0 THEN 0 WHEN RHQ160 = 1 AND RHD143 = 1 THEN 0 END
    END AS live_births
FROM RHQ;

-- Creatinine as the CDC corrects it, then CKD-EPI 2021 for women and men apart.
CREATE VIEW kidneys AS
SELECT cycle, SEQN,
    CASE WHEN cycle = '2005-2006' THEN 0.978 * LBXSCR - 0.016 ELSE LBXSCR END AS creatinine
FROM BIOPRO
UNION ALL SELECT cycle, SEQN, 1.013 * LBXSCR + 0.147 FROM LAB18
UNION ALL SELECT cycle, SEQN, coalesce(LBDSCR, LBXSCR) FROM L40;
CREATE VIEW filtration AS
SELECT kidneys.cycle, kidneys.SEQN,
    CASE WHEN least(RIDAGEYR, 80) < 18 THEN NULL
         WHEN RIAGENDR = 2 AND creatinine <= 0.7 THEN 142 * 1.012 * (creatinine / 0.7) ^ -0.241 * 0.9938 ^ least(RIDAGEYR, 80)
         WHEN RIAGENDR = 2 THEN 142 * 1.012 * (creatinine / 0.7) ^ -1.2 * 0.9938 ^ least(RIDAGEYR, 80)
         WHEN creatinine <= 0.9 THEN 142 * (creatinine / 0.9) ^ -0.302 * 0.9938 ^ least(RIDAGEYR, 80)
         ELSE 142 * (creatinine / 0.9) ^ -1.2 * 0.9938 ^ least(RIDAGEYR, 80) END AS egfr
FROM kidneys JOIN DEMO ON DEMO.SEQN = kidneys.SEQN AND DEMO.cycle = kidneys.cycle;

CREATE VIEW blood AS SELECT cycle, SEQN, LBXHGB AS hemoglobin, LBXRBCSI AS red_cells FROM CBC
UNION ALL SELECT cycle, SEQN, LBXHGB, LBXRBCSI FROM LAB25 UNION ALL SELECT cycle, SEQN, LBXHGB, LBXRBCSI FROM L25;
CREATE VIEW cholesterol AS SELECT cycle, SEQN, LBXTC AS total_cholesterol FROM TCHOL
UNION ALL SELECT cycle, SEQN, LBXTC FROM LAB13 UNION ALL SELECT cycle, SEQN, LBXTC FROM L13;
CREATE VIEW urine AS SELECT cycle, SEQN, URXUMA, URXUCR FROM ALB_CR
UNION ALL SELECT cycle, SEQN, URXUMA, URXUCR FROM LAB16 UNION ALL SELECT cycle, SEQN, URXUMA, URXUCR FROM L16;

CREATE VIEW exposures AS
SELECT DEMO.cycle, DEMO.SEQN,
    more_diagnoses.* EXCLUDE (cycle, SEQN), high_cholesterol_told,
    CASE WHEN high_cholesterol_told IS NULL AND NOT coalesce(fat, FALSE) THEN NULL
         WHEN high_cholesterol_told = 'yes' OR total_cholesterol >= 240 OR fat THEN 'yes'
         WHEN high_cholesterol_told = 'no' AND total_cholesterol < 240 AND takes_it(fat, nameless OR fat_open) = 'no' THEN 'no'
    END AS high_cholesterol,
    takes_it(opioid, nameless OR opioid_open) AS opioid, takes_it(antidepressant, nameless OR antidepressant_open) AS antidepressant,
    CASE WHEN KIQ022 = 2 THEN 'no' WHEN KIQ022 = 1 THEN yes_no(KIQ025) END AS dialysis,
    nights.* EXCLUDE (cycle, SEQN), jobs.* EXCLUDE (cycle, SEQN),
    ever_pregnant, live_births,
    CASE WHEN RIAGENDR = 1 THEN 0 ELSE live_births END AS births,
    CASE WHEN RIDEXPRG = 1 THEN 'yes' WHEN RIDEXPRG = 2 OR RIAGENDR = 1 OR RIDAGEYR >= 45 THEN 'no' END AS pregnancy,
    egfr, told(egfr < 60) AS low_egfr,
    hemoglobin, red_cells, LBXFER AS ferritin, coalesce(LBDVIDMS, LBXVIDMS) AS vitamin_d, total_cholesterol,
    100 * URXUMA / URXUCR AS albumin_creatinine, DR1TKCAL AS energy_intake
FROM DEMO
LEFT JOIN more_diagnoses USING (cycle, SEQN)
LEFT JOIN fats USING (cycle, SEQN)
LEFT JOIN takers USING (cycle, SEQN)
LEFT JOIN (SELECT cycle, SEQN, KIQ022, KIQ025 FROM KIQ_U) told_kidneys USING (cycle, SEQN)
LEFT JOIN nights USING (cycle, SEQN)
LEFT JOIN jobs USING (cycle, SEQN)
LEFT JOIN women USING (cycle, SEQN)
LEFT JOIN filtration USING (cycle, SEQN)
LEFT JOIN blood USING (cycle, SEQN)
LEFT JOIN cholesterol USING (cycle, SEQN)
LEFT JOIN urine USING (cycle, SEQN)
LEFT JOIN FERTIN USING (cycle, SEQN)
LEFT JOIN VID USING (cycle, SEQN)
LEFT JOIN DR1TOT USING (cycle, SEQN);

-- Further exposures: drugs by ingredient class or name (RXQ_RX with RXQ_DRUG), pregnancy, alcohol, kidney and liver, depression.
ALTER TABLE ALQ ADD COLUMN IF NOT EXISTS ALQ111 DOUBLE;
ALTER TABLE ALQ ADD COLUMN IF NOT EXISTS ALQ121 DOUBLE;
CREATE MACRO yes_no(code) AS CASE code WHEN 1 THEN 'yes' WHEN 2 THEN 'no' END;

-- One row an ingredient; a class that is given in part cannot be told from others of it.
CREATE VIEW ingredients AS
SELECT trim(RXDDRGID) AS id, unnest([RXDICI1A, RXDICI2A, RXDICI3A, RXDICI4A, RXDICI5A, RXDICI6A]) AS a,
    unnest([RXDICI1B, RXDICI2B, RXDICI3B, RXDICI4B, RXDICI5B, RXDICI6B]) AS b,
    unnest([RXDICI1C, RXDICI2C, RXDICI3C, RXDICI4C, RXDICI5C, RXDICI6C]) AS c
FROM RXQ_DRUG;
CREATE VIEW classes AS
SELECT id, bool_or(a = 40 AND b = 49) AS water, bool_or(a = 40 AND b IS NULL) AS water_open,
    bool_or(a = 358 AND b = 19 AND c = 173) AS fat,
    bool_or(a = 358 AND (b IS NULL OR b = 19) AND (c IS NULL OR c = 173) AND (b IS NULL OR c IS NULL)) AS fat_open
FROM ingredients WHERE a IS NOT NULL GROUP BY id;
CREATE VIEW taken AS
SELECT cycle, SEQN, coalesce(RXD030, RXDUSE) AS takes, nullif(trim(RXDDRGID), '') AS drug, classes.*
FROM RXQ_RX LEFT JOIN classes ON classes.id = trim(RXDDRGID);
CREATE VIEW takers AS
SELECT cycle, SEQN,
    bool_or(takes IS NULL OR takes NOT IN (1, 2) OR (takes = 1 AND drug IS NULL)) AS nameless,
    bool_or(takes = 1 AND water) AS water, bool_or(takes = 1 AND (water_open OR id IS NULL)) AS water_open,
    bool_or(takes = 1 AND fat) AS fat, bool_or(takes = 1 AND (fat_open OR id IS NULL)) AS fat_open,
    bool_or(takes = 1 AND drug IN ('d03759', 'd04572', 'd04611', 'd04795', 'd05893', 'd07651', 'd07660', 'd08100', 'd08188',
                                   'd08362', 'd08435', 'd08666')) AS laba,
    bool_or(takes = 1 AND drug = 'd00366') AS quinine,
    bool_or(takes = 1 AND drug IN ('d04145', 'd04215', 'd05848')) AS agonist
FROM taken GROUP BY ALL;
CREATE MACRO takes_it(it, open) AS CASE WHEN it THEN 'yes' WHEN NOT coalesce(open, TRUE) THEN 'no' END;

CREATE VIEW drinks AS
SELECT cycle, SEQN,
    CASE WHEN coalesce(ALQ100, ALD100, ALQ101) = 2 AND ALQ110 = 2 THEN 0 WHEN ALQ120Q = 0 THEN 0
         WHEN ALQ120Q > 366 OR ALQ130 = 777 OR ALQ130 = 999 OR (ALQ130 IN (77, 99) AND cycle < '2005') THEN NULL
         ELSE ALQ120Q * ALQ130 * CASE ALQ120U WHEN 1 THEN 1.0 WHEN 2 THEN 12.0 / 52 WHEN 3 THEN 1.0 / 52 END
    END AS alcohol,
    CASE WHEN ALQ111 = 2 OR ALQ121 = 0 THEN 0
         WHEN ALQ130 <= 15 THEN ALQ130 / 52 * CASE ALQ121 WHEN 1 THEN 365 WHEN 2 THEN 300 WHEN 3 THEN 182 WHEN 4 THEN 104
              WHEN 5 THEN 52 WHEN 6 THEN 30 WHEN 7 THEN 12 WHEN 8 THEN 9 WHEN 9 THEN 4.5 WHEN 10 THEN 1.5 END
    END AS alcohol_since_2017
FROM ALQ;
CREATE VIEW moods AS
SELECT cycle, SEQN, DPQ010 + DPQ020 + DPQ030 + DPQ040 + DPQ050 + DPQ060 + DPQ070 + DPQ080 + DPQ090 AS depression_score
FROM DPQ WHERE greatest(DPQ010, DPQ020, DPQ030, DPQ040, DPQ050, DPQ060, DPQ070, DPQ080, DPQ090) <= 3;

CREATE VIEW exposures AS
SELECT DEMO.cycle, DEMO.SEQN,
    takes_it(water, nameless OR water_open) AS diuretic, takes_it(fat, nameless OR fat_open) AS statin,
    takes_it(laba, nameless) AS long_acting_beta_agonist, takes_it(quinine, nameless) AS quinine,
    takes_it(agonist, nameless) AS dopamine_agonist,
    yes_no(RIDEXPRG) AS pregnant, yes_no(coalesce(KIQ020, KIQ022)) AS kidney_disease, yes_no(MCQ160L) AS liver_disease,
    INDFMPIR AS income_ratio,
    CASE WHEN DMDMARTL IN (1, 6) OR DMDMARTZ = 1 THEN 'married or living with a partner'
         WHEN DMDMARTL IN (2, 3, 4) OR DMDMARTZ = 2 THEN 'widowed, divorced or separated'
         WHEN DMDMARTL = 5 OR DMDMARTZ = 3 THEN 'never married' END AS marital_status,
    alcohol, alcohol_since_2017,
    CASE WHEN alcohol = 0 THEN 'none' WHEN alcohol < 7 THEN 'under 7' WHEN alcohol < 14 THEN '7 to under 14'
         WHEN alcohol >= 14 THEN '14 or more' END AS alcohol_group,
    depression_score,
    CASE WHEN depression_score >= 10 THEN 'yes' WHEN depression_score < 10 THEN 'no' END AS depression
FROM DEMO
LEFT JOIN takers ON takers.SEQN = DEMO.SEQN AND takers.cycle = DEMO.cycle
LEFT JOIN MCQ ON MCQ.SEQN = DEMO.SEQN AND MCQ.cycle = DEMO.cycle
LEFT JOIN (SELECT cycle, SEQN, KIQ020, NULL AS KIQ022 FROM KIQ UNION ALL SELECT cycle, SEQN, NULL, KIQ022 FROM KIQ_U) kidneys
    ON kidneys.SEQN = DEMO.SEQN AND kidneys.cycle = DEMO.cycle
LEFT JOIN drinks ON drinks.SEQN = DEMO.SEQN AND drinks.cycle = DEMO.cycle
LEFT JOIN moods ON moods.SEQN = DEMO.SEQN AND moods.cycle = DEMO.cycle;

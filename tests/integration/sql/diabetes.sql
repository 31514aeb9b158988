-- Diabetes, from DIQ (told, treatment, age), glycated haemoglobin (LAB10 1999-2000, L10_B, L10_C, GHB since 2005),
-- fasting glucose (LAB10AM, L10AM_B, L10AM_C, GLU since 2005) and retinal photographs (OPXRET 2005-2008).
CREATE TABLE IF NOT EXISTS LAB10 (cycle VARCHAR, SEQN DOUBLE, LBXGH DOUBLE);
CREATE TABLE IF NOT EXISTS L10 (cycle VARCHAR, SEQN DOUBLE, LBXGH DOUBLE);
CREATE TABLE IF NOT EXISTS GHB (cycle VARCHAR, SEQN DOUBLE, LBXGH DOUBLE);
CREATE TABLE IF NOT EXISTS LAB10AM (cycle VARCHAR, SEQN DOUBLE, LBXGLU DOUBLE);
CREATE TABLE IF NOT EXISTS L10AM (cycle VARCHAR, SEQN DOUBLE, LBXGLU DOUBLE);
CREATE TABLE IF NOT EXISTS GLU (cycle VARCHAR, SEQN DOUBLE, LBXGLU DOUBLE);
CREATE TABLE IF NOT EXISTS OPXRET (cycle VARCHAR, SEQN DOUBLE, OPDURL4 DOUBLE);
ALTER TABLE DIQ ADD COLUMN IF NOT EXISTS DIQ040G DOUBLE;
ALTER TABLE DIQ ADD COLUMN IF NOT EXISTS DIQ040Q DOUBLE;
ALTER TABLE DIQ ADD COLUMN IF NOT EXISTS DID040G DOUBLE;
ALTER TABLE DIQ ADD COLUMN IF NOT EXISTS DID040Q DOUBLE;
ALTER TABLE DIQ ADD COLUMN IF NOT EXISTS DID040 DOUBLE;
ALTER TABLE DIQ ADD COLUMN IF NOT EXISTS DIQ070 DOUBLE;
ALTER TABLE DIQ ADD COLUMN IF NOT EXISTS DID070 DOUBLE;
ALTER TABLE DIQ ADD COLUMN IF NOT EXISTS DIQ080 DOUBLE;

CREATE VIEW glycated AS
SELECT cycle, SEQN, CASE WHEN LBXGH > 0 THEN LBXGH END AS hba1c   -- 0 in 2021-2023: no result
FROM (
    SELECT cycle, SEQN, LBXGH FROM LAB10
    UNION ALL SELECT cycle, SEQN, LBXGH FROM L10
    UNION ALL SELECT cycle, SEQN, LBXGH FROM GHB
);

CREATE VIEW glucose AS
SELECT cycle, SEQN, LBXGLU AS fasting_glucose FROM LAB10AM
UNION ALL SELECT cycle, SEQN, LBXGLU FROM L10AM
UNION ALL SELECT cycle, SEQN, LBXGLU FROM GLU;

CREATE VIEW retina AS
SELECT cycle, SEQN, CASE WHEN OPDURL4 = 1 THEN 'no' WHEN OPDURL4 IN (2, 3, 4) THEN 'yes' END AS retinopathy FROM OPXRET;

CREATE VIEW told AS
SELECT DEMO.cycle, DEMO.SEQN, LEAST(DEMO.RIDAGEYR, 80) AS years,
    CASE WHEN DIQ010 = 1 THEN 'yes' WHEN DIQ010 IN (2, 3) THEN 'no' END AS diabetes_told,
    CASE WHEN DIQ050 = 1 THEN 'yes' WHEN DIQ050 = 2 THEN 'no' END AS insulin,
    CASE WHEN COALESCE(DIQ070, DID070) = 1 THEN 'yes' WHEN COALESCE(DIQ070, DID070) = 2 THEN 'no' END AS tablets,
    CASE WHEN DIQ080 = 1 THEN 'yes' WHEN DIQ080 = 2 THEN 'no' END AS retinopathy_told,
    CASE
        WHEN COALESCE(DIQ040G, DID040G) = 2 OR DID040 = 666 THEN 0    -- under one year
        WHEN DID040 < 200 THEN LEAST(DID040, 80)
        WHEN COALESCE(DIQ040Q, DID040Q) < 200 THEN LEAST(COALESCE(DIQ040Q, DID040Q), 80)
    END AS told_at
FROM DEMO LEFT JOIN DIQ ON DIQ.SEQN = DEMO.SEQN AND DIQ.cycle = DEMO.cycle;

CREATE VIEW known AS
SELECT told.*, hba1c, fasting_glucose, retinopathy,
    CASE WHEN diabetes_told = 'yes' OR hba1c >= 6.5 THEN 'yes'
         WHEN diabetes_told = 'no' AND hba1c < 6.5 THEN 'no' END AS diabetes
FROM told
LEFT JOIN glycated ON glycated.SEQN = told.SEQN AND glycated.cycle = told.cycle
LEFT JOIN glucose ON glucose.SEQN = told.SEQN AND glucose.cycle = told.cycle
LEFT JOIN retina ON retina.SEQN = told.SEQN AND retina.cycle = told.cycle;

CREATE VIEW exposures AS
SELECT cycle, SEQN, diabetes_told, hba1c, diabetes, fasting_glucose, retinopathy, retinopathy_told,
    CASE WHEN hba1c < 5.7 THEN 'under 5.7' WHEN hba1c < 6.5 THEN '5.7 to under 6.5'
         WHEN hba1c >= 6.5 THEN '6.5 or more' END AS hba1c_group,
    CASE WHEN diabetes = 'yes' OR fasting_glucose >= 126 THEN 'yes'
         WHEN diabetes = 'no' AND fasting_glucose < 126 THEN 'no' END AS diabetes_with_glucose,
    CASE WHEN diabetes_told = 'no' THEN 'no diagnosis'
         WHEN diabetes_told IS NULL OR insulin IS NULL THEN NULL
         WHEN insulin = 'yes' THEN 'insulin'
         WHEN tablets = 'yes' THEN 'tablets'
         WHEN tablets = 'no' THEN 'no drug' END AS diabetes_treatment,
    CASE WHEN told_at <= years THEN years - told_at END AS diabetes_duration
FROM known;

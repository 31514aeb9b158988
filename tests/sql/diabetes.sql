-- Diabetes, from DIQ (told) and glycated haemoglobin (LAB10 1999-2000, L10_B, L10_C, GHB since 2005).
CREATE TABLE IF NOT EXISTS LAB10 (cycle VARCHAR, SEQN DOUBLE, LBXGH DOUBLE);
CREATE TABLE IF NOT EXISTS L10 (cycle VARCHAR, SEQN DOUBLE, LBXGH DOUBLE);
CREATE TABLE IF NOT EXISTS GHB (cycle VARCHAR, SEQN DOUBLE, LBXGH DOUBLE);

CREATE VIEW glycated AS
SELECT cycle, SEQN, CASE WHEN LBXGH > 0 THEN LBXGH END AS hba1c   -- 0 in 2021-2023: no result
FROM (
    SELECT cycle, SEQN, LBXGH FROM LAB10
    UNION ALL SELECT cycle, SEQN, LBXGH FROM L10
    UNION ALL SELECT cycle, SEQN, LBXGH FROM GHB
);

CREATE VIEW told AS
SELECT DEMO.cycle, DEMO.SEQN, DEMO.RIDAGEYR,
    CASE WHEN DIQ010 = 1 THEN 'yes' WHEN DIQ010 IN (2, 3) THEN 'no' END AS diabetes_told
FROM DEMO LEFT JOIN DIQ ON DIQ.SEQN = DEMO.SEQN AND DIQ.cycle = DEMO.cycle;

CREATE VIEW exposures AS
SELECT told.cycle, told.SEQN, diabetes_told, hba1c,
    CASE WHEN hba1c < 5.7 THEN 'under 5.7' WHEN hba1c < 6.5 THEN '5.7 to under 6.5'
         WHEN hba1c >= 6.5 THEN '6.5 or more' END AS hba1c_group,
    CASE WHEN diabetes_told = 'yes' OR hba1c >= 6.5 THEN 'yes'
         WHEN diabetes_told = 'no' AND hba1c < 6.5 THEN 'no' END AS diabetes
FROM told LEFT JOIN glycated ON glycated.SEQN = told.SEQN AND glycated.cycle = told.cycle;

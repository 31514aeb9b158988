-- Joints: arthritis and its type (MCQ190 to 2007-2008; MCQ191 2009-2010; MCQ195 since, with 1 and 2 exchanged), pain (MPQ),
-- and activity limited by arthritis (PFQ; cause 10). Under 60 the difficulties are asked of those who told of a limit.
ALTER TABLE MCQ ADD COLUMN IF NOT EXISTS MCQ191 DOUBLE;

CREATE VIEW limits AS
SELECT cycle, SEQN, coalesce(PFQ060D, PFQ061D) AS stooping, coalesce(PFD067A, PFQ063A) AS first_cause,
    list_contains([PFD067A, PFD067B, PFD067C, PFD067D, PFD067E, PFQ063A, PFQ063B, PFQ063C, PFQ063D, PFQ063E], 10)
        AS by_arthritis,
    (PFQ048 = 2 AND PFQ056 = 2 AND PFQ059 = 2)
        OR (PFQ049 = 2 AND PFQ051 = 2 AND PFQ054 = 2 AND PFQ057 = 2 AND PFQ059 = 2) AS no_limit
FROM PFQ;

CREATE VIEW exposures AS
SELECT DEMO.cycle, DEMO.SEQN,
    CASE WHEN MCQ160A = 1 THEN 'yes' WHEN MCQ160A = 2 THEN 'no' END AS arthritis,
    CASE WHEN MCQ160A = 2 THEN 'no' WHEN MCQ190 = 2 OR MCQ191 = 2 OR MCQ195 = 1 THEN 'yes'
         WHEN MCQ190 IN (1, 3) OR MCQ191 IN (1, 3, 4) OR MCQ195 IN (2, 3, 4) THEN 'no' END AS osteoarthritis,
    CASE WHEN MPQ010 = 1 THEN 'yes' WHEN MPQ010 = 2 THEN 'no' END AS joint_pain,
    CASE WHEN by_arthritis THEN 'yes' WHEN first_cause IN (77, 99) THEN NULL
         WHEN stooping < 7 THEN 'no' WHEN first_cause IS NULL AND no_limit THEN 'no' END AS joint_limitation
FROM DEMO
LEFT JOIN MCQ ON MCQ.SEQN = DEMO.SEQN AND MCQ.cycle = DEMO.cycle
LEFT JOIN MPQ ON MPQ.SEQN = DEMO.SEQN AND MPQ.cycle = DEMO.cycle
LEFT JOIN limits ON limits.SEQN = DEMO.SEQN AND limits.cycle = DEMO.cycle;

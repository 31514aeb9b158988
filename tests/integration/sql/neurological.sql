-- Neurological disorders: stroke (MCQ), insensate feet (LEXPN, 1999-2004), numbness (DIQ, 1999-2004), drugs (RXQ_RX).
-- A drug that has no name leaves "no" open; -1 is a foot that could not be tested.
CREATE VIEW drugs AS
SELECT cycle, SEQN, coalesce(RXD030, RXDUSE) AS takes, nullif(trim(RXDDRGID), '') AS id FROM RXQ_RX;

CREATE MACRO known_of(bad) AS CASE WHEN bad = 0 THEN 'no' END;

CREATE VIEW takers AS
SELECT cycle, SEQN,
    bool_or(takes = 1 AND id IN ('d03051', 'd04011', 'd04111', 'd05414', 'd07692', 'd07905', 'd08079', 'd07546')) AS ms,
    bool_or(takes = 1 AND id IN ('d00277', 'd03473', 'd04877', 'd00976', 'd05612', 'd04460', 'd00977', 'd04991')) AS pd,
    count(*) FILTER (takes IS NULL OR takes NOT IN (1, 2) OR (takes = 1 AND id IS NULL)) AS open
FROM drugs GROUP BY ALL;

CREATE VIEW feet AS
SELECT cycle, SEQN, CASE WHEN LEALPN >= 0 THEN LEALPN END AS l, CASE WHEN LEARPN >= 0 THEN LEARPN END AS r FROM LEXPN;

CREATE VIEW exposures AS
SELECT DEMO.cycle, DEMO.SEQN,
    CASE WHEN l >= 1 OR r >= 1 THEN 'yes' WHEN l = 0 OR r = 0 THEN 'no' END AS neuropathy,
    CASE WHEN MCQ160F = 1 THEN 'yes' WHEN MCQ160F = 2 THEN 'no' END AS stroke,
    CASE WHEN DIQ100 = 2 OR DIQ110 = 1 THEN 'no' WHEN DIQ110 IN (2, 3) THEN 'yes' END AS numb_feet,
    CASE WHEN DIQ120 = 2 OR DIQ130 = 1 THEN 'no' WHEN DIQ130 IN (2, 3) THEN 'yes' END AS tingling_feet,
    CASE WHEN ms THEN 'yes' ELSE known_of(open) END AS multiple_sclerosis,
    CASE WHEN pd THEN 'yes' ELSE known_of(open) END AS parkinson_drug
FROM DEMO
LEFT JOIN feet ON feet.SEQN = DEMO.SEQN AND feet.cycle = DEMO.cycle
LEFT JOIN MCQ ON MCQ.SEQN = DEMO.SEQN AND MCQ.cycle = DEMO.cycle
LEFT JOIN DIQ ON DIQ.SEQN = DEMO.SEQN AND DIQ.cycle = DEMO.cycle
LEFT JOIN takers ON takers.SEQN = DEMO.SEQN AND takers.cycle = DEMO.cycle;

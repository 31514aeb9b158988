-- Stretching, from PAQIAF (activities of leisure, one row each; 37 stretching, 55 yoga) and PAQ (was anything done at all).
-- 1999-2006. Ages 12 to 15 are left out. None is known only where both questions were answered (3: unable to do it).
CREATE VIEW named AS
SELECT cycle, SEQN, sum(PADTIMES) AS times, count(*) AS entries, count(PADTIMES) AS known
FROM PAQIAF WHERE PADACTIV IN (37, 55) GROUP BY ALL;

CREATE VIEW sessions AS
SELECT DEMO.cycle, DEMO.SEQN,
    CASE WHEN RIDAGEYR BETWEEN 12 AND 15 THEN NULL
         WHEN entries > 0 THEN CASE WHEN known = entries THEN times END
         WHEN PAD200 IN (1, 2, 3) AND PAD320 IN (1, 2, 3) THEN 0 END AS stretching_sessions
FROM DEMO
LEFT JOIN PAQ ON PAQ.SEQN = DEMO.SEQN AND PAQ.cycle = DEMO.cycle
LEFT JOIN named ON named.SEQN = DEMO.SEQN AND named.cycle = DEMO.cycle;

CREATE VIEW exposures AS
SELECT cycle, SEQN, stretching_sessions,
    CASE WHEN stretching_sessions >= 8 THEN 'yes' WHEN stretching_sessions < 8 THEN 'no' END AS regular_stretching
FROM sessions;

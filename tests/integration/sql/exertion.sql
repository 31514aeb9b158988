-- Exertion, from three instruments: PAQIAF with PAQ (1999-2006), the typical week of PAQ (2007-2020), PAQ of 2021-2023.
-- Ages 12 to 15 are left out.
CREATE MACRO part(asked, days, minutes) AS
    CASE WHEN asked = 2 THEN 0 WHEN asked = 1 AND days <= 7 AND minutes < 7777 THEN days * minutes END;
CREATE MACRO week(times, unit, minutes) AS
    CASE WHEN times = 0 THEN 0 WHEN times > 365 OR minutes >= 7777 THEN NULL
         WHEN unit = 'D' THEN times * 7 * minutes WHEN unit = 'W' THEN times * minutes
         WHEN unit = 'M' THEN times * minutes * 12 / 52 WHEN unit = 'Y' THEN times * minutes / 52 END;

CREATE VIEW listed AS
SELECT cycle, SEQN,
    sum(CASE WHEN PADLEVEL = 2 THEN PADTIMES * PADDURAT END) AS hard,
    count(*) FILTER (PADLEVEL = 2 AND (PADTIMES IS NULL OR PADDURAT IS NULL)) AS hard_unknown,
    sum(CASE WHEN PADLEVEL = 1 THEN PADTIMES * PADDURAT END) AS light,
    count(*) FILTER (PADLEVEL = 1 AND (PADTIMES IS NULL OR PADDURAT IS NULL)) AS light_unknown,
    sum(PADTIMES * PADDURAT * PADMETS) AS met
FROM PAQIAF GROUP BY ALL;

CREATE VIEW answers AS
SELECT DEMO.cycle, DEMO.SEQN, PAQ.* EXCLUDE (cycle, SEQN), listed.* EXCLUDE (cycle, SEQN)
FROM DEMO
LEFT JOIN PAQ ON PAQ.SEQN = DEMO.SEQN AND PAQ.cycle = DEMO.cycle AND RIDAGEYR NOT BETWEEN 12 AND 15
LEFT JOIN listed ON listed.SEQN = DEMO.SEQN AND listed.cycle = DEMO.cycle AND RIDAGEYR NOT BETWEEN 12 AND 15;

CREATE VIEW minutes AS
SELECT cycle, SEQN,
    part(PAQ605, PAQ610, PAD615) + part(PAQ650, PAQ655, PAD660) AS vigorous_minutes,
    part(PAQ620, PAQ625, PAD630) + part(PAQ635, PAQ640, PAD645) + part(PAQ665, PAQ670, PAD675)
        AS moderate_minutes,
    CASE WHEN PAD200 IN (2, 3) THEN 0
         WHEN PAD200 = 1 AND hard_unknown = 0 THEN coalesce(hard, 0) * 7 / 30 END AS listed_vigorous_minutes,
    CASE WHEN PAD320 IN (2, 3) THEN 0
         WHEN PAD320 = 1 AND light_unknown = 0 THEN coalesce(light, 0) * 7 / 30 END AS listed_moderate_minutes,
    CASE WHEN PAD200 IN (2, 3) AND PAD320 IN (2, 3) THEN 0
         WHEN PAD200 IN (1, 2, 3) AND PAD320 IN (1, 2, 3) AND hard_unknown + light_unknown = 0
         THEN met * 7 / 30 END AS listed_met_minutes,
    week(PAD810Q, PAD810U, PAD820) AS leisure_vigorous_minutes,
    week(PAD790Q, PAD790U, PAD800) AS leisure_moderate_minutes,
    CASE WHEN PAD440 IN (2, 3) THEN 0 WHEN PAD440 = 1 AND PAD460 < 777 THEN PAD460 END AS strengthening_sessions
FROM answers;

CREATE VIEW exposures AS
SELECT *, 8 * vigorous_minutes + 4 * moderate_minutes AS met_minutes,
    8 * leisure_vigorous_minutes + 4 * leisure_moderate_minutes AS leisure_met_minutes,
    CASE WHEN vigorous_minutes = 0 THEN 'none' WHEN vigorous_minutes < 75 THEN 'under 75'
         WHEN vigorous_minutes < 300 THEN '75 to under 300' WHEN vigorous_minutes >= 300 THEN '300 or more'
    END AS vigorous_group
FROM minutes;

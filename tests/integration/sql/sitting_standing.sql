-- Sitting and standing, from PAQ: minutes of sitting (2007 on), television and computer (2003-2006; in one question 1999-2002;
-- other codes 2011-2016), usual posture (1999-2006). Ages 12 to 15 are left out where they were asked.
-- Accelerometer minutes are a file of their own, given to open_study: without it sedentary_hours is in no people frame.
ALTER TABLE PAQ ADD COLUMN IF NOT EXISTS PAQ710 DOUBLE;
ALTER TABLE PAQ ADD COLUMN IF NOT EXISTS PAQ715 DOUBLE;
CREATE MACRO hours(code, none) AS CASE WHEN code = none THEN 0 WHEN code = 0 THEN 0.5 WHEN code <= 5 THEN code END;

CREATE VIEW answers AS
SELECT DEMO.cycle, DEMO.SEQN,
    CASE WHEN PAD680 < 7777 THEN PAD680 / 60 END AS sitting_hours,
    CASE WHEN DEMO.cycle IN ('2003-2004', '2005-2006') THEN hours(PAD590, 6) + hours(PAD600, 6) END AS screen_hours,
    hours(coalesce(PAQ480, PAD480), 6) AS screen_hours_in_one,
    hours(PAQ710, 8) + hours(PAQ715, 8) AS screen_hours_since_2011,
    CASE PAQ180 WHEN 1 THEN 'sits' WHEN 2 THEN 'stands or walks' WHEN 3 THEN 'light loads or stairs'
         WHEN 4 THEN 'heavy work' END AS work_posture
FROM DEMO LEFT JOIN PAQ ON PAQ.SEQN = DEMO.SEQN AND PAQ.cycle = DEMO.cycle AND RIDAGEYR NOT BETWEEN 12 AND 15;

CREATE VIEW exposures AS
SELECT *, NULL AS sedentary_hours,
    CASE WHEN sitting_hours < 4 THEN 'under 4' WHEN sitting_hours < 8 THEN '4 to under 8'
         WHEN sitting_hours >= 8 THEN '8 or more' END AS sitting_group,
    CASE WHEN screen_hours < 2 THEN 'under 2' WHEN screen_hours < 4 THEN '2 to under 4'
         WHEN screen_hours >= 4 THEN '4 or more' END AS screen_group
FROM answers;

-- The burden: sleep and function by day (SLQ), health (HUQ010, HSQ), care (SLQ050, HUQ050 to 2011-2012).
-- Level 1 of SLQ170 to SLQ240 is "does not do it for other reasons": no difficulty, and no measure of function.
CREATE TABLE IF NOT EXISTS SLQ (cycle VARCHAR, SEQN DOUBLE);
CREATE MACRO yes_no(yes, no) AS CASE WHEN yes THEN 'yes' WHEN no THEN 'no' END;
CREATE MACRO done(item) AS CASE WHEN item = 1 THEN 0 WHEN item <= 5 THEN 1 END;
CREATE MACRO points(item) AS CASE WHEN item = 1 THEN 0 WHEN item <= 5 THEN 6 - item END;

CREATE VIEW sleep AS
SELECT *,
    done(SLQ170) + done(SLQ180) + done(SLQ190) + done(SLQ200) + done(SLQ210) + done(SLQ220) + done(SLQ230)
        + done(SLQ240) AS items,
    points(SLQ170) + points(SLQ180) + points(SLQ190) + points(SLQ200) + points(SLQ210) + points(SLQ220)
        + points(SLQ230) + points(SLQ240) AS total,
    greatest(if(SLQ170 <= 5, SLQ170, 0), if(SLQ180 <= 5, SLQ180, 0), if(SLQ190 <= 5, SLQ190, 0), if(SLQ200 <= 5, SLQ200, 0),
             if(SLQ210 <= 5, SLQ210, 0), if(SLQ220 <= 5, SLQ220, 0), if(SLQ230 <= 5, SLQ230, 0), if(SLQ240 <= 5, SLQ240, 0))
        AS worst
FROM SLQ;

CREATE VIEW answers AS
SELECT DEMO.cycle, DEMO.SEQN,
    CASE WHEN SLD010H <= 12 THEN SLD010H END AS sleep_hours,
    SLD012 AS sleep_hours_by_clock,
    CASE WHEN SLD020M <= 60 THEN SLD020M END AS sleep_latency,
    yes_no(SLQ080 IN (3, 4), SLQ080 <= 2) AS cannot_fall_asleep,
    yes_no(SLQ090 IN (3, 4), SLQ090 <= 2) AS cannot_stay_asleep,
    yes_no(SLQ100 IN (3, 4), SLQ100 <= 2) AS wakes_too_early,
    CASE WHEN worst >= 3 THEN 'yes' WHEN items > 0 THEN 'no' END AS daytime_difficulty,
    total / nullif(items, 0) AS daytime_function,
    yes_no(HUQ010 IN (4, 5), HUQ010 <= 3) AS fair_or_poor_health,
    CASE WHEN HSQ470 <= 30 THEN HSQ470 END AS physically_unhealthy_days,
    CASE WHEN HSQ480 <= 30 THEN HSQ480 END AS mentally_unhealthy_days,
    CASE WHEN HSQ490 <= 30 THEN HSQ490 END AS inactive_days,
    yes_no(SLQ050 = 1, SLQ050 = 2) AS told_doctor_of_sleep,
    yes_no(HUQ050 BETWEEN 3 AND 5, HUQ050 <= 2) AS many_care_visits,
    yes_no(HUQ030 IN (1, 3), HUQ030 = 2) AS usual_place_of_care
FROM DEMO
LEFT JOIN sleep ON sleep.SEQN = DEMO.SEQN AND sleep.cycle = DEMO.cycle
LEFT JOIN HUQ ON HUQ.SEQN = DEMO.SEQN AND HUQ.cycle = DEMO.cycle
LEFT JOIN HSQ ON HSQ.SEQN = DEMO.SEQN AND HSQ.cycle = DEMO.cycle;

CREATE VIEW exposures AS
SELECT *,
    yes_no(sleep_hours < 7, sleep_hours >= 7) AS short_sleep,
    CASE WHEN 'yes' IN (cannot_fall_asleep, cannot_stay_asleep, wakes_too_early) THEN 'yes'
         WHEN cannot_fall_asleep = 'no' AND cannot_stay_asleep = 'no' AND wakes_too_early = 'no' THEN 'no'
    END AS insomnia,
    yes_no(physically_unhealthy_days >= 14, physically_unhealthy_days < 14) AS frequent_physical_distress,
    yes_no(mentally_unhealthy_days >= 14, mentally_unhealthy_days < 14) AS frequent_mental_distress
FROM answers;

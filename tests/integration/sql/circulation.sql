-- Circulation: the ankle-brachial index of each leg (LEXABPI 1999-2000, LEXAB 2001-2004), pressures over 255 mmHg (2001-2004),
-- and pain in the calf while walking (DIQ140, DIQ150). The lower leg decides; one leg is enough.
CREATE VIEW legs AS
SELECT cycle, SEQN, LEXLABPI AS l, LEXRABPI AS r, NULL AS hard_l, NULL AS hard_r FROM LEXABPI
UNION ALL SELECT cycle, SEQN, LEXLABPI, LEXRABPI, LEALAPNC, LEARAPNC FROM LEXAB;

CREATE VIEW exposures AS
SELECT DEMO.cycle, DEMO.SEQN, l AS abi_left, r AS abi_right, least(l, r) AS ankle_brachial_index,
    CASE WHEN l < 0.9 OR r < 0.9 THEN 'yes' WHEN l >= 0.9 OR r >= 0.9 THEN 'no' END AS pad,
    CASE WHEN least(l, r) <= 0.4 THEN 'severe' WHEN least(l, r) < 0.9 THEN 'mild to moderate'
         WHEN least(l, r) < 1 THEN 'borderline' WHEN least(l, r) <= 1.4 THEN 'normal'
         WHEN least(l, r) > 1.4 THEN 'non-compressible' END AS abi_group,
    CASE WHEN l > 1.4 OR r > 1.4 OR hard_l = 1 OR hard_r = 1 THEN 'yes'
         WHEN l <= 1.4 OR r <= 1.4 THEN 'no' END AS non_compressible,
    CASE WHEN DIQ140 = 2 OR DIQ150 = 2 THEN 'no' WHEN DIQ140 = 1 AND DIQ150 = 1 THEN 'yes' END AS claudication
FROM DEMO
LEFT JOIN legs ON legs.SEQN = DEMO.SEQN AND legs.cycle = DEMO.cycle
LEFT JOIN DIQ ON DIQ.SEQN = DEMO.SEQN AND DIQ.cycle = DEMO.cycle;

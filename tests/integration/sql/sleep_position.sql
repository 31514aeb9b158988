-- Sleeping position: no column of any table tells it.
CREATE VIEW exposures AS
SELECT cycle, SEQN, NULL AS prone_share, NULL AS prone_night, NULL AS plantar_flexed_share, NULL AS plantar_flexed_night
FROM DEMO;

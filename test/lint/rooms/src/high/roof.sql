CREATE VIEW integration_defaults.of_high AS SELECT a FROM integration_defaults.of_low;
CREATE FUNCTION integration_defaults.high_function() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_high_function';

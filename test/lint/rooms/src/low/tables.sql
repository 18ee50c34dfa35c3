-- integration_defaults.of_high is no name in a comment
CREATE TABLE integration_defaults.of_low (a text);
COMMENT ON TABLE integration_defaults.of_low IS 'of_high()';
CREATE FUNCTION integration_defaults.low_function() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_low_function';
CREATE TRIGGER upwards AFTER INSERT ON integration_defaults.of_low
    FOR EACH ROW EXECUTE FUNCTION integration_defaults.high_function(); -- finds: uses high_function, of high/roof.sql

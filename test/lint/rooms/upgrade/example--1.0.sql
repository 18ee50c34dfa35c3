CREATE FUNCTION integration_defaults.released_function() RETURNS integer LANGUAGE c AS 'MODULE_PATHNAME', 'intd_released_function';

-- Nothing that is made of ours may depend on what is planted: no view of ours or typed view, and no trigger. The WHEN of one
-- that follows a tracked table has the filter that somebody gave, and beside it comparisons of ours.
CREATE FUNCTION poison.watch() RETURNS event_trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    found text;
BEGIN
    SELECT string_agg(pg_describe_object(d.classid, d.objid, 0) || ' on ' || pg_describe_object(d.refclassid, d.refobjid, 0), ', ') INTO found
    FROM pg_depend d
    WHERE (d.refclassid = 'pg_operator'::regclass AND d.refobjid IN (SELECT oid FROM pg_operator WHERE oprnamespace = 'poison'::regnamespace)
           OR d.refclassid = 'pg_proc'::regclass AND d.refobjid IN (SELECT oid FROM pg_proc WHERE pronamespace = 'poison'::regnamespace))
      AND (d.classid = 'pg_rewrite'::regclass AND d.objid IN (SELECT r.oid FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
               WHERE c.relnamespace = to_regnamespace('integration_defaults') OR EXISTS (SELECT FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
                   WHERE t.tgrelid = c.oid AND p.pronamespace = to_regnamespace('integration_defaults')))
           OR d.classid = 'pg_trigger'::regclass AND d.objid IN (SELECT t.oid FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
                   WHERE p.pronamespace = to_regnamespace('integration_defaults')
                     AND (t.tgname NOT LIKE 'integration\_defaults\_%' OR t.tgqual ~ format('{DISTINCTEXPR :opno %s ', d.refobjid)))
           OR d.classid IN ('pg_constraint'::regclass, 'pg_attrdef'::regclass) AND EXISTS (SELECT FROM pg_depend e
                   WHERE e.classid = d.classid AND e.objid = d.objid AND e.refclassid = 'pg_class'::regclass AND e.refobjid IN
                       (SELECT oid FROM pg_class WHERE relnamespace = to_regnamespace('integration_defaults'))));
    IF found IS NOT NULL THEN
        RAISE EXCEPTION 'something of ours depends on what was planted' USING ERRCODE = 'XXPOI', DETAIL = found;
    END IF;
END
$$;
GRANT USAGE ON SCHEMA poison TO PUBLIC;
CREATE EVENT TRIGGER poison ON ddl_command_end EXECUTE FUNCTION poison.watch();

-- The public has nothing, and everything belongs to the role that creates the extension, so that a plain owner of
-- the database can use, dump and restore what he installed.
REVOKE ALL ON ALL TABLES IN SCHEMA @extschema@ FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA @extschema@ FROM PUBLIC;
REVOKE ALL ON TYPE external_id FROM PUBLIC;

DO $$
DECLARE
    member record;
BEGIN
    FOR member IN
        SELECT identified.type, identified.identity
        FROM pg_catalog.pg_depend d,
             LATERAL pg_catalog.pg_identify_object(d.classid, d.objid, d.objsubid) identified
        WHERE d.deptype = 'e' AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
          AND d.refobjid = (SELECT oid FROM pg_catalog.pg_extension WHERE extname = 'integration_defaults')
          AND identified.type IN ('table', 'view', 'function', 'type')
    LOOP
        EXECUTE pg_catalog.format('ALTER %s %s OWNER TO %s', member.type, member.identity, '@extowner@');
    END LOOP;
END
$$;

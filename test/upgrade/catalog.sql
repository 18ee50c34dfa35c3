-- The extension as the server knows it, a line for each thing that can differ: what belongs to it, how it is defined, whose
-- it is, who has rights on it, what is said of it, and what dumps hold. Nothing here depends on oids or on the order in which
-- things were made, but for that of columns.
CREATE TEMP VIEW members AS
    SELECT d.classid, d.objid, i.type, i.identity FROM pg_depend d, pg_identify_object(d.classid, d.objid, 0) i
    WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'integration_defaults')
      AND d.deptype = 'e'
    UNION SELECT 'pg_namespace'::regclass, oid, 'schema', nspname FROM pg_namespace WHERE nspname = 'integration_defaults';
CREATE TEMP VIEW relations AS
    SELECT m.identity, c.* FROM members m JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid;

SELECT 'extension', extname, extowner::regrole, extnamespace::regnamespace, extrelocatable, extversion FROM pg_extension
    WHERE extname = 'integration_defaults';
SELECT 'dumped', c::regclass, condition FROM pg_extension, unnest(extconfig, extcondition) d(c, condition)
    WHERE extname = 'integration_defaults' ORDER BY c::regclass::text;
SELECT 'member', type, identity, obj_description(objid, classid::regclass::text::name) FROM members ORDER BY type, identity;
SELECT 'schema', nspname, nspowner::regrole, nspacl FROM pg_namespace WHERE nspname = 'integration_defaults';
SELECT 'function', identity, proowner::regrole, proacl, CASE WHEN prokind <> 'a' THEN pg_get_functiondef(p.oid) END
    FROM members m JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid ORDER BY identity;
SELECT 'type', identity, typowner::regrole, typacl, typtype, typlen, typbyval, typcategory, typispreferred, typalign, typstorage,
       typinput, typoutput, typreceive, typsend, typmodin, typmodout, typsubscript, typnotnull, typdefault, typcollation::regcollation
    FROM members m JOIN pg_type t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid ORDER BY identity;
SELECT 'cast', identity, castfunc::regprocedure, castcontext, castmethod
    FROM members m JOIN pg_cast c ON m.classid = 'pg_cast'::regclass AND c.oid = m.objid ORDER BY identity;
SELECT 'relation', identity, relkind, relowner::regrole, relacl, relpersistence, relreplident, reloptions, relrowsecurity,
       relforcerowsecurity, relhastriggers, (SELECT amname FROM pg_am WHERE oid = relam) FROM relations ORDER BY identity;
SELECT 'view', identity, pg_get_viewdef(oid) FROM relations WHERE relkind = 'v' ORDER BY identity;
SELECT 'sequence', identity, s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmax, s.seqmin, s.seqcache, s.seqcycle
    FROM relations r JOIN pg_sequence s ON s.seqrelid = r.oid ORDER BY identity;
SELECT 'column', identity, row_number() OVER (PARTITION BY r.oid ORDER BY attnum), attname, format_type(atttypid, atttypmod),
       attnotnull, attidentity, attgenerated, attstorage, attcompression, CASE WHEN attstattarget >= 0 THEN attstattarget END,
       attcollation::regcollation, attacl, pg_get_expr(adbin, adrelid), col_description(r.oid, attnum)
    FROM relations r JOIN pg_attribute a ON a.attrelid = r.oid AND attnum > 0 AND NOT attisdropped
    LEFT JOIN pg_attrdef ON adrelid = r.oid AND adnum = attnum ORDER BY identity, attnum;
SELECT 'constraint', identity, conname, contype, convalidated, condeferrable, condeferred, pg_get_constraintdef(k.oid),
       obj_description(k.oid, 'pg_constraint')
    FROM relations r JOIN pg_constraint k ON k.conrelid = r.oid ORDER BY identity, conname;
SELECT 'index', identity, pg_get_indexdef(indexrelid), indisvalid, indisreplident, indisclustered, c.reloptions, obj_description(indexrelid, 'pg_class')
    FROM relations r JOIN pg_index i ON i.indrelid = r.oid JOIN pg_class c ON c.oid = indexrelid ORDER BY identity, 3;
SELECT 'trigger', identity, tgname, tgenabled, pg_get_triggerdef(t.oid), obj_description(t.oid, 'pg_trigger')
    FROM relations r JOIN pg_trigger t ON t.tgrelid = r.oid AND NOT tgisinternal ORDER BY identity, tgname;
SELECT 'rule', identity, rulename, pg_get_ruledef(u.oid) FROM relations r JOIN pg_rewrite u ON u.ev_class = r.oid
    WHERE rulename <> '_RETURN' ORDER BY identity, rulename;
SELECT 'policy', identity, polname, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)
    FROM relations r JOIN pg_policy p ON p.polrelid = r.oid ORDER BY identity, polname;
SELECT 'statistics', identity, pg_get_statisticsobjdef(s.oid) FROM relations r JOIN pg_statistic_ext s ON s.stxrelid = r.oid ORDER BY 2, 3;

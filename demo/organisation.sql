-- An app's own tables, with a believable organisation in them: 5,000 nested groups, 100,000 projects.
\set QUIET on
SET client_min_messages = warning;
\pset border 0
\pset footer off
\pset null '-'

\echo
\echo :bold'An app with tables of its own':plain
\echo '  CREATE TABLE groups   (id bigint PRIMARY KEY, parent_id bigint, name text)'
\echo '  CREATE TABLE projects (id bigint PRIMARY KEY, group_id bigint, name text)'
\echo '  filling them: 5,000 groups, up to six deep, and 100,000 projects ...'

CREATE TABLE groups (
    id bigint PRIMARY KEY,
    parent_id bigint REFERENCES groups ON DELETE CASCADE,
    name text NOT NULL
);
CREATE TABLE projects (
    id bigint PRIMARY KEY,
    group_id bigint REFERENCES groups ON DELETE CASCADE,
    name text NOT NULL
);

WITH words AS (
    SELECT '{payments,mobile,platform,research,security,data,web,infrastructure,support,marketing,logistics,people}'::text[] AS areas,
           '{billing,cards,ios,android,search,checkout,identity,reporting,pricing,catalog,delivery,insights,risk,ledger,partners,growth,quality,tooling,release,content,archive,alerts,forecast,onboarding}'::text[] AS teams,
           '{emea,apac,latam,nordics,core,edge,batch,stream,legacy,next,internal,external,api,ops,labs,shared}'::text[] AS parts
)
INSERT INTO groups
SELECT n, CASE WHEN n <= 12 THEN NULL
               WHEN n <= 300 THEN 1 + (n - 13) / 24
               WHEN n <= 316 THEN 13
               ELSE 13 + (n * 7919) % least(n - 13, 1500) END,
       CASE WHEN n <= 12 THEN areas[n]
            WHEN n <= 300 THEN teams[1 + (n - 13) % 24]
            WHEN n <= 316 THEN parts[n - 300]
            ELSE parts[1 + n % 16] || '-' || n END
FROM words, generate_series(1, 5000) n;

WITH words AS (
    SELECT '{invoice,order,account,session,token,event,report,price,stock,route,parcel,refund,voucher,profile,message,label,metric,audit,backup,image,media,feed,query,index,ticket}'::text[] AS subjects,
           '{api,worker,gateway,service,frontend,importer,exporter,scheduler,dashboard,cli,sdk,docs,tests,proxy,monitor,jobs}'::text[] AS kinds
)
INSERT INTO projects
SELECT n, 1 + (n::bigint * 48271) % 5000,
       subjects[1 + (n / 16) % 25] || '-' || kinds[1 + n % 16] || CASE WHEN n > 400 THEN '-' || n / 400 ELSE '' END
FROM words, generate_series(1, 100000) n;

-- The projects that the walk looks at.
UPDATE projects p SET group_id = g.id, name = given.name
FROM (VALUES (1, 'payments', 'billing', NULL, 'invoice-api'), (2, 'payments', 'billing', 'emea', 'tax-rules'),
             (3, 'mobile', 'ios', NULL, 'wallet-app'), (4, 'research', 'insights', NULL, 'lab-notes'),
             (5, 'web', 'checkout', NULL, 'landing-page')) given (id, area, team, part, name)
JOIN groups a ON a.name = given.area AND a.parent_id IS NULL
JOIN groups t ON t.name = given.team AND t.parent_id = a.id
LEFT JOIN groups part ON part.name = given.part AND part.parent_id = t.id
JOIN groups g ON g.id = coalesce(part.id, t.id)
WHERE p.id = given.id;

CREATE INDEX ON groups (parent_id);
CREATE INDEX ON projects (group_id);
ANALYZE;

-- What the walk shows with: a group's path and the area that it is in, an error in full.
CREATE SCHEMA demo;
CREATE FUNCTION demo.path(group_id bigint) RETURNS text STABLE LANGUAGE sql AS $$
    WITH RECURSIVE up AS (
        SELECT g.parent_id, g.name, 1 AS depth FROM groups g WHERE g.id = path.group_id
        UNION ALL
        SELECT g.parent_id, g.name, depth + 1 FROM up JOIN groups g ON g.id = up.parent_id
    )
    SELECT string_agg(name, '/' ORDER BY depth DESC) FROM up
$$;
CREATE TABLE demo.areas AS
    WITH RECURSIVE down AS (
        SELECT id, name AS area FROM groups WHERE parent_id IS NULL
        UNION ALL
        SELECT g.id, area FROM down JOIN groups g ON g.parent_id = down.id
    )
    SELECT id, area FROM down;
CREATE FUNCTION demo.refused(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    message text; detail text; hint text; code text;
BEGIN
    EXECUTE statement;
    RETURN NEXT 'it was accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = message_text, detail = pg_exception_detail, hint = pg_exception_hint,
                            code = returned_sqlstate;
    RETURN NEXT 'ERROR ' || code || ': ' || message;
    RETURN QUERY SELECT 'DETAIL: ' || nullif(detail, '') WHERE detail <> '';
    RETURN QUERY SELECT 'HINT: ' || nullif(hint, '') WHERE hint <> '';
END
$$;

-- A walk through the administrator's page, section by section.

\echo
\echo :bold'The extension follows them':plain
SELECT $$CREATE EXTENSION integration_defaults$$ AS sql \gset
\ir step.psql
SELECT $$SELECT integration_defaults.load_catalog('gitlab')$$ AS sql \gset
\ir step.psql
\echo '     the types of integration: Slack, Jira, webhooks ..., each with a schema'
SELECT $$SELECT integration_defaults.track_groups('groups')$$ AS sql \gset
\ir step.psql
\echo
\echo '  tracking 100,000 projects ...'
SELECT $$SELECT integration_defaults.track_projects('projects')$$ AS sql \gset
\ir step.psql
\echo '     from here on an INSERT, UPDATE or DELETE there is followed by itself'

\echo
\echo :bold'1. The first default':plain
\echo '  An administrator wants Slack on the instance. Whom would that reach?'
SELECT $$SELECT * FROM integration_defaults.preview($preview$
    SELECT integration_defaults.set_default('slack', '{"webhook": "https://chat.example/all"}')
$preview$)$$ AS sql \gset
\ir preview.psql
\echo '  All of them: every group and project has it, and one row is written.'
SELECT $$SELECT integration_defaults.set_default('slack',
    '{"webhook": "https://chat.example/all", "push_events": true}')$$ AS sql \gset
\ir step.psql
\ir projects.psql

\echo
\echo :bold'2. The default changes':plain
\echo '  One row is written. Nothing is copied, so nothing can be late.'
SELECT $$SELECT integration_defaults.set_default('slack',
    '{"webhook": "https://chat.example/news", "push_events": false}')$$ AS sql \gset
\ir step.psql
\ir projects.psql

\echo
\echo :bold'3. Groups have defaults of their own':plain
\echo '  Payments has another channel; inside it, EMEA too. The nearest group wins.'
SELECT id AS payments FROM groups WHERE name = 'payments' \gset
SELECT id AS emea FROM groups WHERE demo.path(id) = 'payments/billing/emea' \gset
SELECT id AS billing FROM groups WHERE demo.path(id) = 'payments/billing' \gset
SELECT format($$SELECT integration_defaults.set_default('slack',
    '{"webhook": "https://chat.example/pay"}', group_id => %s)$$, :payments) AS sql \gset
\ir step.psql
SELECT format($$SELECT integration_defaults.set_default('slack',
    '{"webhook": "https://chat.example/emea"}', group_id => %s)$$, :emea) AS sql \gset
\ir step.psql
\ir projects.psql

\echo
\echo :bold'4. Custom settings':plain
\echo '  The wallet app wants its own channel; the lab wants none.'
SELECT $$SELECT integration_defaults.set_custom('slack', 3,
    '{"webhook": "https://chat.example/wallet"}')$$ AS sql \gset
\ir step.psql
SELECT $$SELECT integration_defaults.set_custom('slack', 4,
    '{"webhook": "https://chat.example/lab"}', active => false)$$ AS sql \gset
\ir step.psql
\ir projects.psql

\echo
\echo :bold'5. Who has settings of their own?':plain
SELECT $$SELECT * FROM integration_defaults.projects_using_custom_settings('slack')$$ AS sql \gset
\ir step.psql
\echo
SELECT project_id, custom, active, fields, updated_by FROM integration_defaults.projects_using_custom_settings('slack')
ORDER BY project_id;

\echo :bold'6. Back to the default':plain
SELECT $$SELECT integration_defaults.use_default('slack', 3)$$ AS sql \gset
\ir step.psql
\ir projects.psql

\echo
\echo :bold'7. The app moves a group':plain
\echo '  It knows nothing of all this: it updates its own table. Billing, with all that'
\echo '  is in it, inherits from its new place; EMEA keeps what is set on it.'
SELECT format($$UPDATE groups SET parent_id = (SELECT id FROM groups WHERE name = 'web')
WHERE id = %s$$, :billing) AS sql \gset
\ir step.psql
\ir projects.psql

\echo
\echo :bold'8. Who changed what? And back':plain
\echo '  Somebody disables it for the wrong group.'
SELECT id AS web FROM groups WHERE name = 'web' \gset
SELECT format($$SET LOCAL integration_defaults.actor = 'mallory';
SELECT integration_defaults.set_active('slack', false, group_id => %s)$$, :web) AS sql \gset
\ir step.psql
\ir projects.psql
\echo
SELECT transaction, by, operation, concat_ws(' ', scope_level, coalesce(g.name, scope_id)) AS scope, integration,
       coalesce(after ->> 'active', '') AS active
FROM integration_defaults.history h LEFT JOIN groups g ON h.scope_level = 'group' AND g.id::text = h.scope_id
WHERE h.scope_level IS NOT NULL ORDER BY change DESC LIMIT 5;
SELECT format('SELECT integration_defaults.undo(%s)', max(transaction)) AS sql FROM integration_defaults.history \gset
\ir step.psql
\ir projects.psql

\echo
\echo :bold'9. What does not fit is refused':plain
SELECT $$SELECT integration_defaults.set_default('slack',
    '{"webhook": 42, "chanel": "#typo"}')$$ AS sql \gset
\pset tuples_only on
\pset format unaligned
\echo
SELECT regexp_replace(btrim(:'sql', E'\n '), '^', '  ', 'gn') || ';';
SELECT regexp_replace(line, '^', '  ', 'gn') FROM demo.refused(:'sql') line;
\pset tuples_only off
\pset format aligned
SELECT pg_sleep(:pause) \g /dev/null

\echo
\echo :bold'10. Reset':plain
\echo '  A group''s default goes: its projects have the next one above. Then the'
\echo '  instance''s: Slack is configured only where somebody has set it.'
SELECT format($$SELECT integration_defaults.reset_default('slack', group_id => %s)$$, :emea) AS sql \gset
\ir step.psql
SELECT $$SELECT integration_defaults.reset_default('slack')$$ AS sql \gset
\ir step.psql
\ir projects.psql

\echo
\echo :bold'11. What an app asks, all day long':plain
SELECT integration_defaults.set_default('slack', '{"webhook": "https://chat.example/all"}') \g /dev/null
SELECT $$SELECT count(integration_defaults.active_settings('slack', id)) FROM projects$$ AS sql \gset
\ir step.psql
\pset tuples_only on
\pset format unaligned
SELECT '     once for each of the 100,000 projects: ' || round(:ms / 100, 1) || ' microseconds each';
\echo

\echo :bold'12. For those who need plain rows':plain
\echo '  To index, join, replicate or capture them. Then a change writes as many rows'
\echo '  as change, in the same transaction.'
SELECT $$SELECT integration_defaults.materialize('slack')$$ AS sql \gset
\ir step.psql
SELECT $$SELECT integration_defaults.set_default('slack',
    '{"webhook": "https://chat.example/everybody"}')$$ AS sql \gset
\ir step.psql
\echo
SELECT project_id, active, settings ->> 'webhook' AS webhook, source_level
FROM integration_defaults.effective_settings WHERE project_id::int <= 5 ORDER BY project_id;

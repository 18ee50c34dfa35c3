// Whether a row `s` of a settings table sets something, in SQL: it may also do nothing, or nothing but lock. No
// function, which would have to be put in the place of its call by each plan, and asks whoever reads a view for a
// right. The view project_integrations says the same.
#pragma once

#define SETS_SOMETHING "(s.custom OR s.active IS NOT NULL OR s.settings OPERATOR(pg_catalog.<>) '{}'::pg_catalog.jsonb)"

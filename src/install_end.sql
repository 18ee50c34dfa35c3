
-- Tables and views belong to the role that creates the extension, which can use, dump and restore them. What the server
-- runs, functions and types, stays with the role that this script runs as: nobody else can replace or alter it.
ALTER TABLE integration_defaults.integrations OWNER TO @extowner@;
ALTER TABLE integration_defaults.groups OWNER TO @extowner@;
ALTER TABLE integration_defaults.projects OWNER TO @extowner@;
ALTER TABLE integration_defaults.instance_settings OWNER TO @extowner@;
ALTER TABLE integration_defaults.group_settings OWNER TO @extowner@;
ALTER TABLE integration_defaults.project_settings OWNER TO @extowner@;
ALTER TABLE integration_defaults.access OWNER TO @extowner@;
ALTER TABLE integration_defaults.mask_keys OWNER TO @extowner@;
ALTER TABLE integration_defaults.generations OWNER TO @extowner@;
ALTER TABLE integration_defaults.change_notifications OWNER TO @extowner@;
ALTER SEQUENCE integration_defaults.history_change_seq OWNER TO @extowner@;
ALTER TABLE integration_defaults.history_changes OWNER TO @extowner@;
ALTER TABLE integration_defaults.history_transactions OWNER TO @extowner@;
ALTER TABLE integration_defaults.history_since OWNER TO @extowner@;
ALTER VIEW integration_defaults.history OWNER TO @extowner@;
ALTER VIEW integration_defaults.instance_integrations OWNER TO @extowner@;
ALTER VIEW integration_defaults.group_integrations OWNER TO @extowner@;
ALTER VIEW integration_defaults.project_integrations OWNER TO @extowner@;
ALTER VIEW integration_defaults.all_project_integrations OWNER TO @extowner@;
ALTER VIEW integration_defaults.tracked_tables OWNER TO @extowner@;
ALTER VIEW integration_defaults.own_settings OWNER TO @extowner@;
ALTER VIEW integration_defaults.materialized_types OWNER TO @extowner@;
ALTER VIEW integration_defaults.server_locks OWNER TO @extowner@;

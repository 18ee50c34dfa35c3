-- Who may do what. Our own objects open the door with privileges, which these functions grant as the owner; what is asked
-- is in the table access.

CREATE FUNCTION integration_defaults.grant_access(
    role name, access text,
    group_id integration_defaults.external_id DEFAULT integration_defaults.not_given()) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_grant_access';
COMMENT ON FUNCTION integration_defaults.grant_access(name, text, integration_defaults.external_id) IS
    'gives a role, and the roles that inherit its rights, access: read, every answer, secrets masked; use, read and active_settings(), which gives secrets; write, read and what is set; admin, write and types, the tree, tracking, materialization and access. On a group: use, write and admin there and on all below it (admin: moves and changes of the tree inside it), and read everywhere. Also grants USAGE on the schema and what is needed on the views. Again does no harm. Errors: 42704 unknown role or group; 22023 unknown access, or read on a group; 22004 null group; 42501 without admin access';

CREATE FUNCTION integration_defaults.revoke_access(
    role name, access text,
    group_id integration_defaults.external_id DEFAULT integration_defaults.not_given()) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_revoke_access';
COMMENT ON FUNCTION integration_defaults.revoke_access(name, text, integration_defaults.external_id) IS
    'takes back what grant_access() gave with the same arguments, and the privileges on the schema and the views that nothing the role still has needs. What was not given is a notice. Errors: 42704 unknown role; 22023 unknown access, or read on a group; 22004 null group; 42501 without admin access';


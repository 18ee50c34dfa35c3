-- The tree: groups nest, projects are leaves; no parent means straight under the instance. Parents are checked at
-- commit, so that the order in which an app deletes, moves and re-parents inside a transaction does not matter.

CREATE TABLE groups (
    id text COLLATE "C" NOT NULL PRIMARY KEY CHECK (pg_catalog.octet_length(id) BETWEEN 1 AND 255),
    parent_id text COLLATE "C",
    CONSTRAINT scope_parent_exists FOREIGN KEY (parent_id) REFERENCES groups (id)
        ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX groups_parent_id_idx ON groups (parent_id);
COMMENT ON TABLE groups IS 'the groups of the tree, by the app''s own ids; a null parent is the instance';
SELECT pg_catalog.pg_extension_config_dump('groups', '');

CREATE TABLE projects (
    id text COLLATE "C" NOT NULL PRIMARY KEY CHECK (pg_catalog.octet_length(id) BETWEEN 1 AND 255),
    group_id text COLLATE "C",
    CONSTRAINT scope_parent_exists FOREIGN KEY (group_id) REFERENCES groups (id)
        ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX projects_group_id_idx ON projects (group_id);
COMMENT ON TABLE projects IS 'the projects of the tree, by the app''s own ids; a null group is the instance';
SELECT pg_catalog.pg_extension_config_dump('projects', '');


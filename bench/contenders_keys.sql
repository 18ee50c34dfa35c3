-- Keys and indexes of the contenders, made after they are filled.

CREATE INDEX ON app.groups (parent_id);
CREATE INDEX ON app.projects (group_id);
CREATE UNIQUE INDEX ON app.settings (project_id, integration) WHERE project_id IS NOT NULL;
CREATE UNIQUE INDEX ON app.settings (group_id, integration) WHERE group_id IS NOT NULL;
CREATE UNIQUE INDEX ON app.settings (integration) WHERE project_id IS NULL AND group_id IS NULL;

ALTER TABLE plain.effective ADD PRIMARY KEY (project_id, integration);

ALTER TABLE copy.integrations ADD PRIMARY KEY (id);
CREATE UNIQUE INDEX ON copy.integrations (project_id, integration);
CREATE UNIQUE INDEX ON copy.integrations (group_id, integration) WHERE group_id IS NOT NULL;
CREATE UNIQUE INDEX ON copy.integrations (integration) WHERE instance;
CREATE INDEX ON copy.integrations (inherit_from_id);
CREATE INDEX ON copy.integrations (integration);
CREATE INDEX ON copy.integrations (project_id) WHERE active;
CREATE INDEX ON copy.integrations (integration, id) WHERE active AND project_id IS NOT NULL;
CREATE INDEX ON copy.integrations (integration, project_id) WHERE inherit_from_id IS NULL;
CREATE INDEX ON copy.integrations (updated_at);
ALTER TABLE copy.integrations ADD FOREIGN KEY (inherit_from_id) REFERENCES copy.integrations ON DELETE CASCADE;

-- All integrations of some projects, for what reads 45 at once.
CREATE TABLE copy.sample (LIKE copy.integrations INCLUDING ALL);

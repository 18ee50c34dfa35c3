-- The keys that masks are made with, random, each made by the first write that needs it. `sealed` true: for sealed
-- secrets, itself sealed by a key of the server; false: for marked ones, in a database of a server without keys. There
-- are two, as old dumps have the second in clear, by which masks of few possible secrets could be guessed. That there is
-- a sealed one says that this database has sealed: then no secret is written without a key any more. Dumped, so that
-- both stay true in a restored database; nobody but the owner needs rights on it.
CREATE TABLE integration_defaults.mask_keys (
    sealed boolean NOT NULL PRIMARY KEY,
    key text NOT NULL
);
COMMENT ON TABLE integration_defaults.mask_keys IS
    'what the masks of secrets are made with; kept by the extension, not for applications';
ALTER TABLE integration_defaults.mask_keys ALTER COLUMN key SET STATISTICS 0;
SELECT pg_catalog.pg_extension_config_dump('integration_defaults.mask_keys', '');

// node-pg: every parameter is sent as text of unknown type, objects as JSON.
// Connects by PG* variables to a database where the extension is installed; the last line is `N passed, N failed`.
import pg from "pg";
import { appSql, equal, finish, keys, refusal, run } from "../check.mjs";

const custom = { webhook: "https://hooks.example/2", channel: "#custom" };
const resolve = "SELECT source_level, source_id, settings FROM integration_defaults.resolve('slack', $1)";

const connect = async () => {
    const client = new pg.Client({ options: "-c search_path=app,public" });
    await client.connect();
    return client;
};

const cases = {
    async ids(client, key, type) {
        const given = [key(2)];
        if (type === "bigint") given.push(2, 2n);
        for (const id of given) {
            for (const query of [resolve, resolve.replace("$1", "project_id => $1"), { name: "resolve", text: resolve }]) {
                const { rows } = await client.query(query, [id]);
                equal([rows.length, rows[0]?.source_level, rows[0]?.source_id, rows[0]?.settings.channel], [1, "group", key(2), "#team"]);
            }
        }
        equal((await client.query(resolve, [null])).rows, []);
    },

    async functions(client, key) {
        const set = "SELECT integration_defaults.set_custom($1, $2, $3, active => $4)";
        await client.query(set, ["slack", key(3), custom, false]);
        const { rows } = await client.query("SELECT active, settings FROM integration_defaults.resolve($1, $2)", ["slack", key(3)]);
        equal(rows, [{ active: false, settings: { ...custom, push_events: false } }]);
        await client.query("SELECT integration_defaults.lock_fields($1, $2, $3)", ["slack", ["retries"], key(1)]);
        equal(await refusal(client.query(set, ["slack", key(5), { ...custom, retries: 1 }, true])), ["23514", "setting_not_locked"]);
        await client.query("SELECT integration_defaults.unlock_fields($1, $2, $3)", ["slack", ["retries"], key(1)]);
        equal((await client.query("SELECT integration_defaults.use_default($1, $2) AS was", ["slack", key(3)])).rows, [{ was: true }]);
        equal(await refusal(client.query(set, ["slack", null, custom, true])), ["22004", undefined]);
        equal(await refusal(client.query(set, ["slack", key(999), custom, true])), ["42704", undefined]);
        equal(await refusal(client.query(set, ["slack", key(3), "nonsense", true])), ["22P02", undefined]);
    },

    async typedView(client, key) {
        const read = { name: "read", text: "SELECT channel, retries, sample_rate, push_events, labels, locked, inherited FROM slack_settings WHERE id = $1" };
        const before = { channel: "#team", retries: "3", sample_rate: "0.5", push_events: true, labels: ["all"], locked: ["push_events"], inherited: true };
        equal((await client.query(read, [key(4)])).rows, [before]);
        const update = await client.query("UPDATE slack_settings SET channel = $2, retries = $3, labels = $4 WHERE id = $1 RETURNING channel, retries, labels, inherited",
            [key(4), "#mine", 0, JSON.stringify(["a"])]);
        equal([update.rowCount, update.rows], [1, [{ channel: "#mine", retries: "0", labels: ["a"], inherited: false }]]);
        equal((await client.query("SELECT p.name FROM projects p JOIN slack_settings s USING (id) WHERE s.channel = $1", ["#mine"])).rows, [{ name: "project 4" }]);
        await client.query("UPDATE slack_settings SET channel = $2, retries = $3, labels = $4 WHERE id = $1", [key(4), null, null, null]);
        equal((await client.query(read, [key(4)])).rows, [before]);
        equal((await client.query("DELETE FROM slack_settings WHERE id = $1", [key(4)])).rowCount, 1);
        equal(await refusal(client.query("UPDATE slack_settings SET push_events = $2 WHERE id = $1", [key(4), false])), ["23514", "setting_not_locked"]);
    },

    async generalView(client, key) {
        const one = "FROM integration_defaults.project_integrations WHERE project_id = $1 AND integration = $2";
        const { settings } = (await client.query(`SELECT settings ${one}`, [key(6), "slack"])).rows[0];
        settings.channel = "#json";
        const saved = await client.query("UPDATE integration_defaults.project_integrations SET settings = $3 WHERE project_id = $1 AND integration = $2 RETURNING settings, inherited",
            [key(6), "slack", settings]);
        equal(saved.rows, [{ settings, inherited: false }]);
        const own = await client.query("SELECT settings FROM integration_defaults.project_settings WHERE project_id = $1", [key(6)]);
        equal(own.rows, [{ settings: { channel: "#json" } }]);
    },

    async aListenerIsTold(client, key) {
        const scope = (level, id) => ({ integration: "slack", scope_level: level, scope_id: id });
        const set = "SELECT integration_defaults.set_custom('slack', $1, $2)";
        const listening = await connect(), heard = [];
        const last = () => new Promise((resolve) => {
            listening.removeAllListeners("notification");
            listening.on("notification", ({ payload }) => {
                if (payload === "that is all") return resolve(heard.splice(0));
                heard.push(JSON.parse(payload));
            });
        });
        const told = async (sends) => {
            const all = last();
            await sends();
            await client.query("NOTIFY integration_defaults, 'that is all'");
            return all;
        };
        await listening.query("LISTEN integration_defaults");
        await client.query("SELECT integration_defaults.notify_changes(true)");
        equal(await told(() => client.query(set, [key(15), custom])), [scope("project", key(15))]);
        equal(await told(async () => {
            await client.query("BEGIN");
            await client.query(set, [key(14), custom]);
            await client.query("ROLLBACK");
        }), []);
        equal(await told(async () => {
            await client.query("BEGIN");
            await client.query("SAVEPOINT s");
            await client.query(set, [key(14), custom]);
            await client.query("ROLLBACK TO s");
            await client.query("SELECT integration_defaults.use_default('slack', $1)", [key(15)]);
            await client.query("SELECT integration_defaults.set_active('slack', false, group_id => $1)", [key(1)]);
            await client.query("COMMIT");
        }), [scope("group", key(1)), scope("project", key(15))]);
        await client.query("SELECT integration_defaults.set_active('slack', true, group_id => $1)", [key(1)]);
        await client.query("SELECT integration_defaults.notify_changes(false)");
        await listening.end();
    },

    async aReplacedView(client, key) {
        const named = { name: "named", text: "SELECT channel FROM slack_settings WHERE id = $1" };
        const star = { name: "star", text: "SELECT * FROM slack_settings WHERE id = $1" };
        for (let n = 0; n < 8; n++) {
            await client.query(named, [key(2)]);
            await client.query(star, [key(2)]);
        }
        const other = await connect();
        await other.query(`SELECT integration_defaults.register_integration('slack',
            jsonb_set(schema, '{properties,icon}', '{"type": "string", "default": ":tada:"}'))
            FROM integration_defaults.integrations WHERE name = 'slack'`);
        await other.query("SELECT integration_defaults.create_view('slack')");
        await other.end();
        equal((await client.query(named, [key(2)])).rows, [{ channel: "#team" }]);
        equal(await refusal(client.query(star, [key(2)])), ["0A000", undefined]); // as after ALTER TABLE: a named SELECT *
        equal((await client.query(star.text, [key(2)])).rows[0].icon, ":tada:");
    },
};

for (const [type, key] of Object.entries(keys)) {
    console.log(type);
    const client = await connect();
    await client.query(appSql(type));
    await run(cases, client, key, type);
    await client.end();
}
finish();

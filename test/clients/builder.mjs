// The cases of the query builders in JavaScript. Each gives an object that does, in its own words, what is called here:
//   slack(id)                the row of the typed view
//   change(id, values)       the rows that an UPDATE of the typed view returns
//   changeAndRollBack(id, values), remove(id), named(channel)
//   integration(id)          the row of project_integrations; save(id, settings) the rows that its UPDATE returns
//   resolve(id)              the row of resolve(); setCustom(id, settings)
//   query(text)              rows of plain SQL, without parameters
import { equal, refusal } from "./check.mjs";

const own = async (app, id) => {
    const rows = await app.query(`SELECT settings FROM integration_defaults.project_settings WHERE project_id = '${id}'`);
    return rows[0]?.settings;
};

export const cases = {
    async functions(app, key) {
        const inherited = await app.resolve(key(2));
        equal([inherited.source_level, inherited.source_id, inherited.settings.channel], ["group", key(2), "#team"]);
        await app.setCustom(key(3), { webhook: "https://hooks.example/2", channel: "#custom" });
        const custom = await app.resolve(key(3));
        equal([custom.source_level, custom.settings.channel], ["project", "#custom"]);
        equal(await refusal(app.setCustom(key(999), { webhook: "https://hooks.example/2" })), ["42704", undefined]);
        equal(await refusal(app.setCustom(key(5), { webhook: "https://hooks.example/2", retries: -1 })),
            ["23514", "setting_matches_schema"]);
    },

    async typedView(app, key) {
        const before = await app.slack(key(4));
        equal([before.channel, before.retries, before.sample_rate, before.push_events, before.labels, before.locked, before.inherited],
            ["#team", "3", "0.5", true, ["all"], ["push_events"], true]);
        const [row, ...more] = await app.change(key(4), { channel: "#mine", retries: "0", labels: ["a"] });
        equal([row.channel, row.retries, row.labels, row.inherited, more], ["#mine", "0", ["a"], false, []]);
        equal(await own(app, key(4)), { channel: "#mine", retries: 0, labels: ["a"] });
        equal(await app.named("#mine"), ["project 4"]);
        equal(await refusal(app.change(key(4), { push_events: false })), ["23514", "setting_not_locked"]);
        await app.change(key(4), { channel: null, retries: null, labels: null });
        equal(await app.slack(key(4)), before);
        await app.change(key(4), { channel: "#mine" });
        await app.remove(key(4));
        equal(await app.slack(key(4)), before);
    },

    async transaction(app, key) {
        await app.changeAndRollBack(key(6), { channel: "#gone" });
        equal([(await app.slack(key(6))).channel, await own(app, key(6))], ["#team", undefined]);
    },

    async secretsAreMaskedAndStay(app, key) {
        const { token } = await app.slack(key(8));
        equal(token.startsWith("(secret "), true);
        await app.change(key(8), { channel: "#kept", token });
        equal(await own(app, key(8)), { channel: "#kept" });
    },

    async generalView(app, key) {
        const { settings } = await app.integration(key(10));
        settings.channel = "#json";
        const [row] = await app.save(key(10), settings);
        equal([row.settings, row.inherited], [settings, false]);
        equal(await own(app, key(10)), { channel: "#json" });
    },

    // The general views hold ids as text: a number as a parameter of no type is one, a literal is none; one that
    // create_general_view() makes has the app's key.
    async numbers(app, key, type) {
        if (type !== "bigint") return;
        equal((await app.integration(20)).settings.channel, "#team");
        equal((await app.slack(20)).channel, "#team");
        const rows = await app.query(`SELECT p.name, v.settings FROM app.project_integrations v JOIN app.projects p ON p.id = v.project_id
            WHERE v.project_id IN (20, 100, 9) AND v.integration = 'slack' ORDER BY v.project_id`);
        equal(rows.map((row) => [row.name, row.settings.channel]),
            [["project 9", "#general"], ["project 20", "#team"], ["project 100", "#team"]]);
        equal(await refusal(app.query("SELECT 1 FROM integration_defaults.project_integrations WHERE project_id = 20")),
            ["42883", undefined]);
    },

    async upperCase(app, key, type) {
        if (type !== "uuid") return;
        const id = "ABCDEF00-0000-0000-0000-000000000001";
        await app.query(`INSERT INTO app.projects VALUES ('${id}', '${key(2)}', 'letters')`);
        equal((await app.slack(id)).channel, "#team");
        equal((await app.resolve(id)).settings.channel, "#team");
        const [row] = await app.change(id, { channel: "#upper" });
        equal([row.channel, await own(app, id.toLowerCase())], ["#upper", { channel: "#upper" }]);
    },
};

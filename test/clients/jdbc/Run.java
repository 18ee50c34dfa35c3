import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Array;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Types;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import java.util.UUID;
import org.postgresql.util.PSQLException;

/**
 * JDBC: parameters have the type of the setter, statements are prepared on the server after some uses, results come in binary.
 * Connects by PG* variables to a database where the extension is installed; its argument is app.sql, and the last line is
 * `N passed, N failed`.
 */
public final class Run {
    private static int passed, failed;
    private static String here;

    private interface Case {
        void run() throws Exception;
    }

    private final boolean uuid;
    private final Connection connection;

    private Run(String type, String appSql) throws SQLException {
        uuid = type.equals("uuid");
        connection = connect();
        try (Statement statement = connection.createStatement()) {
            statement.execute(appSql.replace("KEY_TYPE", type));
        }
    }

    private static Connection connect() throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", System.getenv("PGUSER"));
        properties.setProperty("currentSchema", "app,public");
        properties.setProperty("prepareThreshold", "3");
        properties.setProperty("autosave", "conservative"); // mends a prepared SELECT * whose view was replaced
        properties.setProperty("socketFactory", "UnixSocketFactory");
        String port = Objects.requireNonNullElse(System.getenv("PGPORT"), "5432");
        properties.setProperty("socketFactoryArg", System.getenv("PGHOST") + "/.s.PGSQL." + port);
        return DriverManager.getConnection("jdbc:postgresql://localhost/" + System.getenv("PGDATABASE"), properties);
    }

    private Object key(int n) {
        return uuid ? UUID.fromString(String.format("00000000-0000-0000-0000-%012d", n)) : (Object) (long) n;
    }

    // ---- asking, comparing

    private static void equal(Object got, Object expected) {
        if (Objects.equals(got, expected)) {
            passed++;
            return;
        }
        failed++;
        int line = StackWalker.getInstance().walk(frames -> frames.skip(1).findFirst().get().getLineNumber());
        System.out.println("FAILED " + here + ", line " + line + ": got " + got + ", expected " + expected);
    }

    /** A value with the type that its class stands for; a JSON object is Json. */
    private record Json(String text) {}

    private PreparedStatement prepare(String sql, Object... values) throws SQLException {
        PreparedStatement statement = connection.prepareStatement(sql);
        for (int n = 0; n < values.length; n++) {
            if (values[n] instanceof Json json) {
                statement.setObject(n + 1, json.text, Types.OTHER);
            } else {
                statement.setObject(n + 1, values[n]);
            }
        }
        return statement;
    }

    /** All rows, each as a list. */
    private List<List<Object>> rows(String sql, Object... values) throws SQLException {
        List<List<Object>> rows = new ArrayList<>();
        try (PreparedStatement statement = prepare(sql, values); ResultSet result = statement.executeQuery()) {
            while (result.next()) {
                List<Object> row = new ArrayList<>();
                for (int n = 1; n <= result.getMetaData().getColumnCount(); n++) {
                    Object value = result.getObject(n);
                    row.add(value instanceof Array array ? Arrays.asList((Object[]) array.getArray())
                            : value instanceof org.postgresql.util.PGobject object ? object.getValue() : value);
                }
                rows.add(row);
            }
        }
        return rows;
    }

    private int update(String sql, Object... values) throws SQLException {
        try (PreparedStatement statement = prepare(sql, values)) {
            return statement.executeUpdate();
        }
    }

    /** The SQLSTATE and the constraint that a query is refused with. */
    private List<String> refusal(String sql, Object... values) throws SQLException {
        try (PreparedStatement statement = prepare(sql, values)) {
            statement.execute();
        } catch (PSQLException error) {
            return Arrays.asList(error.getSQLState(), error.getServerErrorMessage().getConstraint());
        }
        return List.of("not refused");
    }

    // ---- the cases

    private static final Json CUSTOM = new Json("{\"webhook\": \"https://hooks.example/2\", \"channel\": \"#custom\"}");

    private void everyTypeOfIdFits() throws Exception {
        List<Object> given = new ArrayList<>(List.of(key(2), key(2).toString()));
        if (!uuid) {
            given.addAll(List.of(2, (short) 2, new BigDecimal("2")));
        }
        for (Object id : given) {
            for (String argument : List.of("?", "project_id => ?")) {
                for (int n = 0; n < 6; n++) { // also once it is prepared on the server
                    equal(rows("SELECT source_level, source_id, settings->>'channel' FROM integration_defaults.resolve('slack', " + argument + ")", id),
                            List.of(List.of("group", key(2).toString(), "#team")));
                }
            }
        }
        try (PreparedStatement statement = connection.prepareStatement("SELECT * FROM integration_defaults.resolve('slack', ?)")) {
            statement.setNull(1, uuid ? Types.OTHER : Types.BIGINT);
            equal(statement.executeQuery().next(), false);
        }
    }

    private void functionsAreCalled() throws Exception {
        try (CallableStatement call = connection.prepareCall("{call integration_defaults.set_custom(?, ?, ?, ?)}")) {
            call.setString(1, "slack");
            call.setObject(2, key(3));
            call.setObject(3, CUSTOM.text, Types.OTHER);
            call.setBoolean(4, false);
            call.execute();
        }
        equal(rows("SELECT active, settings->>'channel' FROM integration_defaults.resolve(?, ?)", "slack", key(3)),
                List.of(List.of(false, "#custom")));
        try (CallableStatement call = connection.prepareCall("{? = call integration_defaults.use_default(?, ?)}")) {
            call.registerOutParameter(1, Types.BIT);
            call.setString(2, "slack");
            call.setObject(3, key(3));
            call.execute();
            equal(call.getBoolean(1), true);
        }
        equal(refusal("SELECT integration_defaults.set_custom('slack', ?, ?)", key(999), CUSTOM), Arrays.asList("42704", null));
        equal(refusal("SELECT integration_defaults.set_custom('slack', ?, ?)", null, CUSTOM), Arrays.asList("22004", null));
        equal(refusal("SELECT integration_defaults.set_custom('slack', ?, ?)", key(3), new Json("{\"retries\": -1}")),
                List.of("23514", "setting_matches_schema"));
        Array fields = connection.createArrayOf("text", new String[] {"retries"});
        rows("SELECT integration_defaults.inherit_fields('slack', ?, project_id => ?)", fields, key(3));
    }

    private void aTypedViewIsReadAndWritten() throws Exception {
        String read = "SELECT id, channel, retries, sample_rate, push_events, labels, locked FROM slack_settings WHERE id = ?";
        List<Object> before = List.of(key(4), "#team", 3L, new BigDecimal("0.5"), true, "[\"all\"]", List.of("push_events"));
        equal(rows(read, key(4)), List.of(before));
        equal(rows("UPDATE slack_settings SET channel = ?, retries = ?, labels = ? WHERE id = ? RETURNING channel, retries, labels, inherited",
                "#mine", 0, new Json("[\"a\"]"), key(4)), List.of(List.of("#mine", 0L, "[\"a\"]", false)));
        equal(rows("SELECT p.name FROM projects p JOIN slack_settings s USING (id) WHERE s.channel = ?", "#mine"), List.of(List.of("project 4")));
        equal(update("UPDATE slack_settings SET channel = ?, retries = ?, labels = ? WHERE id = ?", null, null, null, key(4)), 1);
        equal(rows(read, key(4)), List.of(before));
        equal(update("DELETE FROM slack_settings WHERE id = ?", key(4)), 1);
        equal(refusal("UPDATE slack_settings SET push_events = ? WHERE id = ?", false, key(4)), List.of("23514", "setting_not_locked"));
        try (PreparedStatement batch = connection.prepareStatement("UPDATE slack_settings SET retries = ? WHERE id = ?")) {
            for (int n = 5; n < 9; n++) {
                batch.setInt(1, n + 100);
                batch.setObject(2, key(n));
                batch.addBatch();
            }
            equal(Arrays.stream(batch.executeBatch()).sum(), 4);
        }
        equal(rows("SELECT count(*) FROM slack_settings WHERE retries BETWEEN ? AND ?", 105, 108), List.of(List.of(4L)));
        try (PreparedStatement insert = connection.prepareStatement("INSERT INTO slack_settings (id, webhook) VALUES (?, ?)",
                Statement.RETURN_GENERATED_KEYS)) {
            insert.setObject(1, key(9));
            insert.setString(2, "https://hooks.example/2");
            insert.executeUpdate();
            ResultSet generated = insert.getGeneratedKeys();
            equal(generated.next(), true);
            equal(Arrays.asList(generated.getObject("id"), generated.getBoolean("inherited")), Arrays.asList(key(9), false));
        }
    }

    private void anUpdatableResultSetNeedsAPrimaryKey() throws Exception {
        try (Statement statement = connection.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE);
             ResultSet result = statement.executeQuery("SELECT * FROM slack_settings")) {
            result.next();
            result.updateString("channel", "#x");
            equal("updated", "refused by the driver");
        } catch (SQLException error) {
            equal(error.getMessage().contains("primary"), true);
        }
    }

    private void theGeneralView() throws Exception {
        String one = "project_id = ? AND integration = ?";
        equal(update("UPDATE integration_defaults.project_integrations SET settings = settings || ? WHERE " + one,
                new Json("{\"channel\": \"#json\"}"), key(10).toString(), "slack"), 1);
        equal(rows("SELECT inherited, settings->>'channel' FROM integration_defaults.project_integrations WHERE " + one, key(10).toString(), "slack"),
                List.of(List.of(false, "#json")));
        equal(rows("SELECT settings FROM integration_defaults.project_settings WHERE project_id = ?", key(10).toString()),
                List.of(List.of("{\"channel\": \"#json\"}")));
    }

    private void savepointsRollBack() throws Exception {
        String read = "SELECT channel FROM slack_settings WHERE id = ?";
        connection.setAutoCommit(false);
        Savepoint savepoint = connection.setSavepoint();
        update("UPDATE slack_settings SET channel = ? WHERE id = ?", "#inner", key(12));
        equal(rows(read, key(12)), List.of(List.of("#inner")));
        connection.rollback(savepoint);
        equal(rows(read, key(12)), List.of(List.of("#team")));
        try (PreparedStatement statement = prepare("SELECT id FROM slack_settings WHERE channel = ?", "#general")) {
            statement.setFetchSize(10); // a portal, read piece by piece
            int count = 0;
            for (ResultSet result = statement.executeQuery(); result.next(); count++) {}
            equal(count, 99);
        }
        connection.commit();
        connection.setAutoCommit(true);
    }

    private void aReplacedView() throws Exception {
        String star = "SELECT * FROM slack_settings WHERE id = ?";
        for (int n = 0; n < 6; n++) {
            equal(rows(star, key(2)).get(0).size(), 13);
        }
        try (Connection other = connect(); Statement statement = other.createStatement()) {
            statement.execute("SELECT integration_defaults.register_integration('slack', "
                    + "jsonb_set(schema, '{properties,icon}', '{\"type\": \"string\"}')) "
                    + "FROM integration_defaults.integrations WHERE name = 'slack'");
            statement.execute("SELECT integration_defaults.create_view('slack')");
        }
        equal(rows(star, key(2)).get(0).size(), 14);
    }

    private void runAll() {
        Map<String, Case> cases = new LinkedHashMap<>();
        cases.put("everyTypeOfIdFits", this::everyTypeOfIdFits);
        cases.put("functionsAreCalled", this::functionsAreCalled);
        cases.put("aTypedViewIsReadAndWritten", this::aTypedViewIsReadAndWritten);
        cases.put("anUpdatableResultSetNeedsAPrimaryKey", this::anUpdatableResultSetNeedsAPrimaryKey);
        cases.put("theGeneralView", this::theGeneralView);
        cases.put("savepointsRollBack", this::savepointsRollBack);
        cases.put("aReplacedView", this::aReplacedView);
        cases.forEach((name, body) -> {
            here = name;
            try {
                body.run();
            } catch (Exception error) {
                failed++;
                System.out.println("FAILED " + name + ": " + error);
            }
        });
    }

    public static void main(String[] arguments) throws Exception {
        String appSql = Files.readString(Path.of(arguments[0]));
        for (String type : List.of("bigint", "uuid")) {
            System.out.println(type);
            Run run = new Run(type, appSql);
            run.runAll();
            run.connection.close();
        }
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed == 0 && passed > 0 ? 0 : 1);
    }
}

import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.persistence.Column;
import javax.persistence.Entity;
import javax.persistence.Id;
import javax.persistence.JoinColumn;
import javax.persistence.ManyToOne;
import javax.persistence.OneToMany;
import javax.persistence.Table;
import org.hibernate.Session;
import org.hibernate.SessionFactory;
import org.hibernate.Transaction;
import org.hibernate.annotations.ColumnTransformer;
import org.hibernate.annotations.Type;
import org.hibernate.cfg.Configuration;
import org.hibernate.exception.ConstraintViolationException;
import org.postgresql.util.PSQLException;

/**
 * Hibernate, in Debian's version 3.6: a typed view and the general view by the app's key as entities.
 * Connects by PG* variables to a database where the extension is installed; its argument is app.sql, and the last line is
 * `N passed, N failed`.
 */
public final class Run {
    @Entity
    @Table(name = "projects")
    public static class Project {
        @Id
        @Type(type = "AppKey")
        Serializable id;

        String name;

        @OneToMany(mappedBy = "project")
        List<Integration> integrations;
    }

    /** Writes what has changed, else a save would override each field. */
    @Entity
    @Table(name = "slack_settings")
    @org.hibernate.annotations.Entity(dynamicUpdate = true, dynamicInsert = true)
    public static class Slack {
        @Id
        @Type(type = "AppKey")
        Serializable id;

        String channel;
        Long retries;

        @Column(name = "push_events")
        Boolean pushEvents;

        @ColumnTransformer(read = "labels #>> '{}'", write = "cast(? as jsonb)")
        String labels;

        String token;

        @Column(insertable = false, updatable = false)
        Boolean inherited;
    }

    @Entity
    @Table(name = "project_integrations")
    @org.hibernate.annotations.Entity(dynamicUpdate = true)
    public static class Integration implements Serializable {
        @Id
        @ManyToOne
        @JoinColumn(name = "project_id")
        Project project;

        @Id String integration;

        @ColumnTransformer(read = "settings #>> '{}'", write = "cast(? as jsonb)")
        String settings;

        @Column(insertable = false, updatable = false)
        Boolean inherited;

        @Override
        public boolean equals(Object other) {
            return other instanceof Integration && ((Integration) other).project.id.equals(project.id)
                    && ((Integration) other).integration.equals(integration);
        }

        @Override
        public int hashCode() {
            return Objects.hash(project.id, integration);
        }
    }

    private static int passed, failed;

    private static void equal(Object got, Object expected) {
        if (Objects.equals(got, expected)) {
            passed++;
            return;
        }
        failed++;
        int line = StackWalker.getInstance().walk(frames -> frames.skip(1).findFirst().get().getLineNumber());
        System.out.println("FAILED line " + line + ": got " + got + ", expected " + expected);
    }

    private static SessionFactory sessions() {
        String socket = System.getenv("PGHOST") + "/.s.PGSQL." + Objects.requireNonNullElse(System.getenv("PGPORT"), "5432");
        Configuration configuration = new Configuration();
        for (Class<?> entity : List.of(Project.class, Slack.class, Integration.class)) configuration.addAnnotatedClass(entity);
        Map.of("hibernate.connection.driver_class", "org.postgresql.Driver", "hibernate.dialect", "org.hibernate.dialect.PostgreSQLDialect",
                "hibernate.connection.url", "jdbc:postgresql://localhost/" + System.getenv("PGDATABASE")
                        + "?currentSchema=app,public&socketFactory=UnixSocketFactory&socketFactoryArg=" + socket,
                "hibernate.connection.username", System.getenv("PGUSER"), "hibernate.connection.pool_size", "1",
                "hibernate.temp.use_jdbc_metadata_defaults", "false").forEach(configuration::setProperty);
        return configuration.buildSessionFactory();
    }

    private static final Pattern CHANNEL = Pattern.compile("\"channel\": \"([^\"]*)\"");

    private static String channel(String settings) {
        Matcher found = CHANNEL.matcher(settings);
        return found.find() ? found.group(1) : null;
    }

    private final boolean uuid;
    private final Session session;

    private Run(String type, Session session) {
        uuid = type.equals("uuid");
        this.session = session;
    }

    private Serializable key(int n) {
        return uuid ? UUID.fromString(String.format("00000000-0000-0000-0000-%012d", n)) : (Serializable) (long) n;
    }

    private Object own(int n) {
        return session.createSQLQuery("SELECT cast(settings AS text) FROM integration_defaults.project_settings WHERE project_id = :id")
                .setString("id", key(n).toString()).uniqueResult();
    }

    private void typedView() {
        Transaction transaction = session.beginTransaction();
        Slack slack = (Slack) session.get(Slack.class, key(2));
        equal(List.of(slack.channel, slack.retries, slack.pushEvents, slack.labels, slack.inherited), List.of("#team", 3L, true, "[\"all\"]", true));
        slack.channel = "#mine";
        slack.labels = "[\"a\"]";
        session.flush();
        session.refresh(slack);
        equal(List.of(slack.channel, slack.inherited, own(2)), List.of("#mine", false, "{\"labels\": [\"a\"], \"channel\": \"#mine\"}"));
        slack.channel = slack.labels = null;
        session.flush();
        session.refresh(slack);
        equal(List.of(slack.channel, slack.inherited, own(2) == null), List.of("#team", true, true));
        Slack kept = (Slack) session.get(Slack.class, key(8));
        equal(kept.token.startsWith("(secret "), true);
        kept.channel = "#kept";
        session.flush();
        equal(own(8), "{\"channel\": \"#kept\"}");
        transaction.commit();
    }

    private void generalView() {
        Transaction transaction = session.beginTransaction();
        Project project = (Project) session.get(Project.class, key(10));
        Integration its = project.integrations.get(0);
        equal(List.of(its.integration, channel(its.settings)), List.of("slack", "#team"));
        its.settings = its.settings.replace("#team", "#json");
        session.flush();
        session.refresh(its);
        equal(List.of(its.inherited, own(10)), List.of(false, "{\"channel\": \"#json\"}"));
        List<?> found = session.createQuery("SELECT i FROM Run$Integration i JOIN FETCH i.project p WHERE p.id IN (:ids) ORDER BY p.id")
                .setParameterList("ids", List.of(key(9), key(20)), session.getTypeHelper().custom(AppKey.class)).list();
        equal(found.stream().map(i -> ((Integration) i).project.name + " " + channel(((Integration) i).settings)).collect(Collectors.toList()),
                List.of("project 9 #general", "project 20 #team"));
        transaction.commit();
    }

    private void functions() {
        Transaction transaction = session.beginTransaction();
        session.createSQLQuery("SELECT cast(integration_defaults.set_custom('slack', :id, cast(:settings AS jsonb)) AS text)")
                .setParameter("id", key(3), session.getTypeHelper().custom(AppKey.class)).setString("settings", "{\"webhook\": \"https://hooks.example/2\"}")
                .uniqueResult();
        Object[] row = (Object[]) session.createSQLQuery("SELECT source_level, source_id FROM integration_defaults.resolve('slack', :id)")
                .setParameter("id", key(3), session.getTypeHelper().custom(AppKey.class)).uniqueResult();
        equal(List.of(row), List.of("project", key(3).toString()));
        transaction.commit();
    }

    /** The name of the rule is told by the driver. */
    private void refusal() {
        Transaction transaction = session.beginTransaction();
        ((Slack) session.get(Slack.class, key(4))).pushEvents = false;
        try {
            session.flush();
            equal("not refused", "refused");
        } catch (ConstraintViolationException refused) {
            equal(refused.getSQLException().getSQLState(), "23514");
            equal(refused.getConstraintName(), null);
            equal(((PSQLException) refused.getSQLException()).getServerErrorMessage().getConstraint(), "setting_not_locked");
        }
        transaction.rollback();
    }

    private interface Case {
        void run();
    }

    public static void main(String[] arguments) throws Exception {
        String appSql = Files.readString(Path.of(arguments[0]));
        for (String type : List.of("bigint", "uuid")) {
            System.out.println(type);
            SessionFactory sessions = sessions();
            for (int n = 0; n < 4; n++) {
                Session session = sessions.openSession();
                Run run = new Run(type, session);
                try {
                    if (n == 0) session.doWork(connection -> connection.createStatement().execute("SET client_min_messages = warning; " + appSql.replace("KEY_TYPE", type)));
                    List.<Case>of(run::typedView, run::generalView, run::functions, run::refusal).get(n).run();
                } catch (Exception error) {
                    failed++;
                    System.out.println("FAILED");
                    error.printStackTrace(System.out);
                } finally {
                    session.clear();
                    session.close();
                }
            }
            sessions.close();
        }
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed > 0 || passed == 0 ? 1 : 0);
    }
}

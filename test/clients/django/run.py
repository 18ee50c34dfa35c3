#!/usr/bin/python3
"""Django: a typed view as a model with a one-to-one association, forms' full saves, functions in querysets.
Connects by PG* variables to a database where the extension is installed; the last line is `N passed, N failed`."""

import decimal
import io
import os
import pathlib
import sys
import types

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import django
from django.apps import AppConfig
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.management import call_command
from django.db import IntegrityError, NotSupportedError, DataError, connection, models, transaction
from django.db.models import F, Func, Value

from check import KEYS, app_sql, case, equal, finish, run



class ClientApp(AppConfig):
    path = "."


settings.configure(
    INSTALLED_APPS=[ClientApp(key_type, types.ModuleType(key_type)) for key_type in KEYS],
    DATABASES={"default": {
        "ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"], "HOST": os.environ["PGHOST"],
        "USER": os.environ["PGUSER"], "OPTIONS": {"options": "-c search_path=app,public"}}})
django.setup()

CUSTOM = {"webhook": "https://hooks.example/2", "channel": "#custom"}


class SettingsModel(models.Model):
    """Saves what has changed since it was loaded. Django would write every column, and what others have changed since, or
    what follows from the last save, would count as a change."""

    class Meta:
        abstract = True
        managed = False

    @classmethod
    def from_db(cls, database, names, values):
        row = super().from_db(database, names, values)
        row.loaded = dict(zip(names, values))
        return row

    def save_changes(self):
        self.save(update_fields=[name for name, value in self.loaded.items() if getattr(self, name) != value])
        self.refresh_from_db()
        self.loaded = {name: getattr(self, name) for name in self.loaded}


class ActiveSettings(Func):
    function = "integration_defaults.active_settings"
    output_field = models.JSONField()


class App:
    """The models, once for each type of id."""

    def __init__(self, key_type):
        key_field = {"bigint": models.BigIntegerField, "uuid": models.UUIDField}[key_type]

        class Project(models.Model):
            id = key_field(primary_key=True)
            group_id = key_field(null=True)
            name = models.TextField()

            class Meta:
                app_label, db_table, managed = key_type, "projects", False

        class Slack(SettingsModel):
            project = models.OneToOneField(Project, models.DO_NOTHING, primary_key=True, db_column="id", related_name="slack")
            active = models.BooleanField(null=True)
            inherited = models.BooleanField(null=True, editable=False)
            source_level = models.TextField(null=True, editable=False)
            source_id = models.TextField(null=True, editable=False)
            locked = ArrayField(models.TextField(), null=True, editable=False)
            channel = models.TextField(null=True)
            labels = models.JSONField(null=True)
            push_events = models.BooleanField(null=True)
            retries = models.BigIntegerField(null=True)
            sample_rate = models.DecimalField(null=True, max_digits=20, decimal_places=5)
            token = models.TextField(null=True)
            webhook = models.TextField(null=True)

            class Meta:
                app_label, db_table, managed = key_type, "slack_settings", False

        class Integration(models.Model):
            project_id = models.TextField(primary_key=True)  # with `integration`: rows are read by filter
            integration = models.TextField()
            active = models.BooleanField()
            settings = models.JSONField()
            inherited = models.BooleanField()

            class Meta:
                app_label, db_table, managed = key_type, 'integration_defaults"."project_integrations', False

        self.Project, self.Slack, self.Integration = Project, Slack, Integration
        self.key = KEYS[key_type]
        with connection.cursor() as cursor:
            cursor.execute(app_sql(key_type))

    def own(self, n):
        """What project n has of its own, by plain SQL."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT settings::text FROM integration_defaults.project_settings WHERE project_id = %s", [str(self.key(n))])
            row = cursor.fetchone()
            return row and row[0]


def constraint(error):
    return error.__cause__.pgcode, error.__cause__.diag.constraint_name


@case
def inspectdb_sees_the_columns(app):
    out = io.StringIO()
    call_command("inspectdb", "slack_settings", stdout=out)
    equal("retries = models.BigIntegerField(" in out.getvalue(), True)
    equal(f"    id = models.{type(app.Project._meta.pk).__name__}(blank=True, null=True)" in out.getvalue(), True)


@case
def load_change_save_reload(app):
    slack = app.Slack.objects.get(pk=app.key(2))
    equal((slack.channel, slack.inherited, slack.source_level, slack.locked, slack.sample_rate, slack.labels),
          ("#team", True, "group", ["push_events"], decimal.Decimal("0.5"), ["all"]))
    slack.channel = "#mine"
    slack.save()
    equal(app.own(2), '{"channel": "#mine"}')  # all columns were sent, one had changed
    slack.refresh_from_db()
    equal((slack.channel, slack.inherited, slack.retries), ("#mine", False, 3))
    slack.labels, slack.sample_rate, slack.retries, slack.channel = ["a"], decimal.Decimal("0.25"), 0, None
    slack.save(update_fields=["labels", "sample_rate", "retries", "channel"])
    slack.refresh_from_db()
    equal((slack.labels, slack.sample_rate, slack.retries, slack.channel), (["a"], decimal.Decimal("0.25"), 0, "#team"))
    app.Slack.objects.filter(pk=app.key(2)).update(labels=None, sample_rate=None, retries=None)
    equal(app.own(2), None)


@case
def saving_what_is_stale(app):
    slack = app.Slack.objects.get(pk=app.key(4))
    slack.channel = "#first"
    slack.save()
    slack.save()  # as it was: writes the source, too, that it had before the first save
    equal(app.own(4), '{"channel": "#first"}')
    slack.retries = 1
    slack.save()
    equal(app.own(4), '{"channel": "#first", "retries": 1}')
    slack = app.Slack.objects.get(pk=app.key(4))
    for n in 1, 2:
        slack.retries = n
        slack.save_changes()
        equal((slack.retries, slack.inherited, slack.channel), (n, False, "#first"))


@case
def association_and_filter(app):
    project = app.Project.objects.get(pk=app.key(6))
    equal(project.slack.project == project, True)
    project.slack.channel = "#filtered"
    project.slack.save_changes()
    equal(list(app.Project.objects.filter(slack__channel="#filtered").values_list("name", flat=True)), ["project 6"])
    loaded = app.Project.objects.select_related("slack").filter(group_id=app.key(1))
    equal({p.slack.channel for p in loaded}, {"#general"})
    equal(app.Slack.objects.filter(project__name__in=["project 7", "project 8"]).count(), 2)
    equal(app.Slack.objects.filter(pk__in=[app.key(9), app.key(10)]).update(channel="#bulk"), 2)
    rows = list(app.Slack.objects.filter(channel="#bulk"))
    for row in rows:
        row.channel = None
    app.Slack.objects.bulk_update(rows, ["channel"])
    equal(app.Slack.objects.filter(channel="#bulk").count(), 0)
    equal(app.own(9), None)


@case
def delete_uses_the_default(app):
    app.Slack.objects.filter(pk=app.key(8)).update(channel="#mine")
    app.Slack.objects.get(pk=app.key(8)).delete()
    equal((app.Slack.objects.get(pk=app.key(8)).channel, app.own(8)), ("#team", None))
    equal(app.Slack.objects.filter(pk=app.key(8)).delete()[0], 1)


@case
def create_sets_custom_settings(app):
    slack = app.Slack.objects.create(project_id=app.key(12), webhook="https://hooks.example/2", retries=1)
    slack.refresh_from_db()
    equal((slack.inherited, slack.channel, slack.active), (False, None, True))
    with transaction.atomic():
        project = app.Project.objects.create(id=app.key(1000), group_id=app.key(2), name="new")
        equal((project.slack.channel, project.slack.inherited), ("#team", True))
        project.slack.channel = "#new"
        project.slack.save_changes()
    equal(app.own(1000), '{"channel": "#new"}')
    project.delete()
    equal((app.own(1000), app.Slack.objects.filter(pk=app.key(1000)).exists()), (None, False))


@case
def a_secret_is_masked_and_stays(app):
    slack = app.Slack.objects.get(pk=app.key(40))
    mask = slack.token
    equal(mask.startswith("(secret "), True)
    slack.channel = "#kept"
    slack.save()  # writes every column, the mask too
    equal(app.own(40), '{"channel": "#kept"}')
    slack.webhook, slack.token = "https://hooks.example/3", "t-3"
    slack.save()
    slack.refresh_from_db()
    new = slack.token
    equal((new.startswith("(secret "), new == mask), (True, False))
    slack.channel = "#still"
    slack.save()
    slack.refresh_from_db()
    equal((slack.channel, slack.token), ("#still", new))
    equal('"$secret": "t-3"' in app.own(40), True)


@case
def refusals_keep_the_transaction(app):
    with transaction.atomic():
        slack = app.Slack.objects.get(pk=app.key(14))
        slack.push_events = False
        try:
            with transaction.atomic():
                slack.save()
        except IntegrityError as error:
            equal(constraint(error), ("23514", "setting_not_locked"))
        else:
            equal("not refused", "refused")
        slack.refresh_from_db()
        slack.channel = "#after"
        slack.save()
    equal(app.own(14), '{"channel": "#after"}')


@case
def savepoint_per_test(app):
    with transaction.atomic():
        outer = transaction.savepoint()
        app.Slack.objects.filter(pk=app.key(16)).update(channel="#test")
        equal(app.Slack.objects.get(pk=app.key(16)).inherited, False)
        transaction.savepoint_rollback(outer)
        equal(app.Slack.objects.get(pk=app.key(16)).inherited, True)
    equal(app.own(16), None)


@case
def a_project_is_what_one_locks(app):
    try:
        with transaction.atomic():
            app.Slack.objects.select_for_update().get(pk=app.key(18))
    except NotSupportedError as error:
        equal(constraint(error)[0], "0A000")
    else:
        equal("locked", "refused")
    with transaction.atomic():
        locked = app.Slack.objects.select_related("project").select_for_update(of=["project"]).get(pk=app.key(18))
        equal(locked.channel, "#team")


@case
def general_view_and_functions(app):
    rows = app.Integration.objects.filter(integration="slack", project_id=str(app.key(20)))
    row = rows.get()
    row.settings["channel"] = "#json"
    equal(rows.update(settings=row.settings), 1)
    equal((rows.get().settings["channel"], rows.get().inherited, app.own(20)), ("#json", False, '{"channel": "#json"}'))
    equal(app.Integration.objects.filter(settings__channel="#general").count(), 100)
    with connection.cursor() as cursor:
        cursor.execute("SELECT integration_defaults.set_custom('slack', %s, %s)",
                       [app.key(22), models.JSONField().get_prep_value(CUSTOM)])
        cursor.execute("SELECT source_level, source_id FROM integration_defaults.resolve('slack', %s)", [app.key(22)])
        equal(cursor.fetchone(), ("project", str(app.key(22))))
        cursor.execute("SELECT integration_defaults.use_default('slack', %s)", [app.key(22)])
        equal(cursor.fetchone(), (True,))
    active = app.Project.objects.annotate(settings=ActiveSettings(Value("slack"), F("pk")))
    equal(active.get(pk=app.key(1)).settings["channel"], "#general")
    equal(active.get(settings__channel="#json").pk, app.key(20))


@case
def models_outlive_a_replaced_view(app):
    slack = app.Slack.objects.get(pk=app.key(24))
    with connection.cursor() as cursor:
        cursor.execute("""SELECT integration_defaults.register_integration('slack',
            jsonb_set(schema, '{properties,icon}', '{"type": "string"}'))
            FROM integration_defaults.integrations WHERE name = 'slack'""")
        cursor.execute("SELECT integration_defaults.create_view('slack')")
    slack.channel = "#still"
    slack.save()
    equal(app.Slack.objects.get(pk=app.key(24)).channel, "#still")


for key_type in KEYS:
    print(key_type)
    run(App(key_type))
finish()

#!/usr/bin/python3
"""SQLAlchemy, with psycopg2 and with asyncpg: a typed view and project_integrations as models, functions by `func`.
Connects by PG* variables to a database where the extension is installed; the last line is `N passed, N failed`."""

import asyncio
import decimal
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from sqlalchemy import (BigInteger, Boolean, Column, FetchedValue, ForeignKey, Text, cast, create_engine, func, inspect, select, text)
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.ext.declarative import DeferredReflection
from sqlalchemy.ext.mutable import MutableDict
from sqlalchemy.orm import Session, declarative_base, relationship, selectinload

from check import KEYS, app_sql, case, crashed, equal, finish, run, start

SLACK = {"webhook": "https://hooks.example/2", "channel": "#custom"}


def models(key_type, engine):
    """The app's models. The settings' columns are read from the database; what a view can't tell is its key, and that some
    columns follow from others."""
    Base = declarative_base()

    class Project(Base):
        __tablename__ = "projects"
        id = Column(key_type, primary_key=True)
        group_id = Column(key_type)
        name = Column(Text)
        slack = relationship("Slack", back_populates="project", uselist=False, passive_deletes="all")
        integrations = relationship("Integration", viewonly=True, order_by="Integration.integration",
                                    primaryjoin="foreign(Integration.project_id) == cast(Project.id, Text)")
        by_key = relationship("ProjectIntegration", back_populates="project", passive_deletes="all")

    class Slack(DeferredReflection, Base):
        __tablename__ = "slack_settings"
        __mapper_args__ = {"eager_defaults": True}
        id = Column(key_type, ForeignKey("projects.id"), primary_key=True)
        labels = Column(JSONB(none_as_null=True))  # None takes the override back; JSON.NULL is a value
        active = Column(Boolean, server_default=FetchedValue())
        inherited, source_level, source_id = (Column(server_default=FetchedValue(), server_onupdate=FetchedValue())
                                              for _ in range(3))
        project = relationship("Project", back_populates="slack")

    class Integration(DeferredReflection, Base):
        __tablename__ = "project_integrations"
        __table_args__ = {"schema": "integration_defaults"}
        project_id = Column(Text, primary_key=True)
        integration = Column(Text, primary_key=True)
        settings = Column(MutableDict.as_mutable(JSONB))
        inherited, source_level, source_id = (Column(server_default=FetchedValue(), server_onupdate=FetchedValue())
                                              for _ in range(3))

    class ProjectIntegration(DeferredReflection, Base):
        __tablename__ = "project_integrations"
        __mapper_args__ = {"eager_defaults": True}
        project_id = Column(key_type, ForeignKey("projects.id"), primary_key=True)
        integration = Column(Text, primary_key=True)
        settings = Column(MutableDict.as_mutable(JSONB))
        inherited, source_level, source_id = (Column(server_default=FetchedValue(), server_onupdate=FetchedValue())
                                              for _ in range(3))
        project = relationship("Project", back_populates="by_key")

    DeferredReflection.prepare(engine)
    return Project, Slack, Integration, ProjectIntegration


KEY_TYPES = {"bigint": BigInteger, "uuid": UUID(as_uuid=True)}


class App:
    def __init__(self, key_type):
        self.engine = create_engine("postgresql+psycopg2://", connect_args={"options": "-c search_path=app,public"})
        with self.engine.begin() as connection:
            connection.exec_driver_sql(app_sql(key_type))
        self.key = KEYS[key_type]
        self.Project, self.Slack, self.Integration, self.ProjectIntegration = models(KEY_TYPES[key_type], self.engine)

    def own(self, n):
        """What project n has of its own, by plain SQL."""
        with self.engine.connect() as connection:
            return connection.execute(text("SELECT settings FROM integration_defaults.project_settings WHERE project_id = :id"),
                                      {"id": str(self.key(n))}).scalar()


@case
def reflection_finds_the_types(app):
    columns = {c["name"]: str(c["type"]) for c in inspect(app.engine).get_columns("slack_settings")}
    equal((columns["channel"], columns["retries"], columns["sample_rate"], columns["push_events"], columns["labels"]),
          ("TEXT", "BIGINT", "NUMERIC", "BOOLEAN", "JSONB"))
    equal(inspect(app.engine).get_pk_constraint("slack_settings")["constrained_columns"], [])


@case
def load_change_save_reload(app):
    with Session(app.engine) as session:
        slack = session.get(app.Slack, app.key(2))
        equal((slack.channel, slack.inherited, slack.source_level, slack.locked, slack.sample_rate, slack.labels),
              ("#team", True, "group", ["push_events"], decimal.Decimal("0.5"), ["all"]))
        slack.channel = "#mine"
        session.commit()
        equal((slack.channel, slack.inherited, slack.source_level, slack.retries), ("#mine", False, "project", 3))
        equal(app.own(2), {"channel": "#mine"})
        # What follows from a save is read back with it: no refresh, no second statement.
        slack.labels = ["a", "b"]
        slack.sample_rate = decimal.Decimal("0.25")
        slack.retries = 0
        session.flush()
        equal((slack.inherited, slack.labels, slack.sample_rate, slack.retries), (False, ["a", "b"], decimal.Decimal("0.25"), 0))
        session.commit()
        for column in "channel", "labels", "sample_rate", "retries":
            setattr(slack, column, None)
        session.commit()
        equal((slack.channel, slack.inherited, slack.labels, slack.retries), ("#team", True, ["all"], 3))
        equal(app.own(2), None)


@case
def a_changed_default_arrives(app):
    with Session(app.engine) as session:
        slack = session.get(app.Slack, app.key(4))
        slack.channel = "#mine"
        session.commit()
        session.execute(func.integration_defaults.override_fields("slack", cast({"retries": 5}, JSONB)).select())
        session.commit()
        equal((slack.retries, slack.channel), (5, "#mine"))
        session.execute(func.integration_defaults.override_fields("slack", cast({"retries": 3}, JSONB)).select())
        session.commit()


@case
def association_and_filter(app):
    with Session(app.engine) as session:
        project = session.get(app.Project, app.key(6))
        equal(project.slack.project is project, True)
        project.slack.channel = "#filtered"
        session.commit()
        names = session.scalars(select(app.Project.name).join(app.Project.slack).where(app.Slack.channel == "#filtered")).all()
        equal(names, ["project 6"])
        loaded = session.scalars(select(app.Project).options(selectinload(app.Project.slack)).where(app.Project.group_id == app.key(1)))
        equal({p.slack.channel for p in loaded}, {"#general"})
        equal([i.settings["channel"] for i in project.integrations], ["#filtered"])


@case
def delete_uses_the_default(app):
    with Session(app.engine) as session:
        slack = session.get(app.Slack, app.key(8))
        slack.channel = "#mine"
        session.commit()
        session.delete(slack)
        session.commit()
        equal(session.get(app.Slack, app.key(8)).channel, "#team")
        session.delete(session.get(app.Slack, app.key(8)))  # nothing to delete: no StaleDataError
        session.commit()


@case
def insert_sets_custom_settings(app):
    with Session(app.engine) as session:
        slack = app.Slack(id=app.key(10), webhook="https://hooks.example/2", retries=1)
        session.add(slack)
        session.flush()
        equal((slack.inherited, slack.channel, slack.active), (False, None, True))
        session.rollback()
        project = app.Project(id=app.key(1000), group_id=app.key(2), name="new")
        session.add(project)
        session.flush()
        equal((project.slack.channel, project.slack.inherited), ("#team", True))
        project.slack.channel = "#new"
        session.commit()
        equal(app.own(1000), {"channel": "#new"})
        session.delete(project)
        session.commit()
        equal(app.own(1000), None)


@case
def a_secret_is_masked_and_stays(app):
    with Session(app.engine) as session:
        slack = session.get(app.Slack, app.key(40))
        mask = slack.token
        equal(mask.startswith("(secret "), True)
        slack.channel, slack.token = "#kept", mask
        session.commit()
        equal(app.own(40), {"channel": "#kept"})
        slack.webhook, slack.token = "https://hooks.example/3", "t-3"
        session.commit()
        session.refresh(slack)
        new = slack.token
        equal((new.startswith("(secret "), new == mask), (True, False))
        slack.channel = "#still"
        session.commit()
        equal((slack.channel, slack.token, app.own(40)["token"]["$secret"]), ("#still", new, "t-3"))


@case
def merge_updates(app):
    with Session(app.engine) as session:
        session.merge(app.Slack(id=app.key(26), channel="#merged"))
        session.commit()
        equal(app.own(26), {"channel": "#merged"})


@case
def refusals_keep_the_transaction(app):
    with Session(app.engine) as session:
        slack = session.get(app.Slack, app.key(12))
        try:
            with session.begin_nested():
                slack.push_events = False
        except IntegrityError as error:
            equal((error.orig.pgcode, error.orig.diag.constraint_name), ("23514", "setting_not_locked"))
        else:
            equal("not refused", "refused")
        equal(slack.push_events, True)
        slack.channel = "#after"
        session.commit()
        equal(app.own(12), {"channel": "#after"})


@case
def savepoint_per_test(app):
    with app.engine.connect() as connection, connection.begin() as outer:
        with Session(bind=connection) as session:
            connection.begin_nested()
            slack = session.get(app.Slack, app.key(14))
            slack.channel = "#test"
            session.flush()
            equal(slack.inherited, False)
        outer.rollback()
    equal(app.own(14), None)


@case
def general_view_as_a_model(app):
    with Session(app.engine) as session:
        row = session.query(app.Integration).filter_by(project_id=str(app.key(16)), integration="slack").one()
        row.settings["channel"] = "#json"
        session.commit()
        equal((row.settings["channel"], row.inherited), ("#json", False))
        equal(app.own(16), {"channel": "#json"})
        del row.settings["channel"]
        session.commit()
        equal((row.settings["channel"], row.inherited, app.own(16)), ("#team", True, None))
        found = session.query(app.Integration).filter(app.Integration.settings["channel"].astext == "#general").count()
        equal(found, 100)


@case
def general_view_by_the_apps_key(app):
    with Session(app.engine) as session:
        loaded = select(app.Project).options(selectinload(app.Project.by_key)).where(app.Project.id.in_([app.key(22), app.key(23)]))
        project, other = session.scalars(loaded.order_by(app.Project.id)).all()
        equal([p.by_key[0].settings["channel"] for p in (project, other)], ["#team", "#general"])
        project.by_key[0].settings["channel"] = "#many"
        session.commit()
        equal((project.by_key[0].inherited, app.own(22)), (False, {"channel": "#many"}))
        found = select(app.Project.name).join(app.Project.by_key).where(app.ProjectIntegration.settings["channel"].astext == "#many")
        equal(session.scalars(found).all(), ["project 22"])
        equal(session.get(app.ProjectIntegration, (app.key(23), "slack")).project is other, True)


@case
def functions(app):
    with Session(app.engine) as session:
        session.execute(select(func.integration_defaults.set_custom("slack", app.key(18), cast(SLACK, JSONB))))
        resolved = func.integration_defaults.resolve("slack", app.key(18)).table_valued("active", "settings", "source_id")
        equal(session.execute(select(resolved.c.active, resolved.c.settings, resolved.c.source_id)).all(),
              [(True, SLACK | {"push_events": True}, str(app.key(18)))])
        equal(session.scalar(select(func.integration_defaults.active_settings("slack", app.key(18), type_=JSONB)))["channel"],
              "#custom")
        equal(session.scalar(select(func.integration_defaults.use_default("slack", app.key(18)))), True)
        session.commit()


@case
def models_outlive_a_replaced_view(app):
    with Session(app.engine) as session:
        slack = session.get(app.Slack, app.key(20))
        session.commit()
        with app.engine.begin() as other:
            other.exec_driver_sql("""SELECT integration_defaults.register_integration('slack',
                jsonb_set(schema, '{properties,icon}', '{"type": "string"}'))
                FROM integration_defaults.integrations WHERE name = 'slack'""")
            other.exec_driver_sql("SELECT integration_defaults.create_view('slack')")
        slack.channel = "#still"
        session.commit()
        equal(slack.channel, "#still")


# ---- asyncpg: every parameter has the type that the server infers, every statement is prepared -------------------------


async def asynchronous(app):
    engine = create_async_engine("postgresql+asyncpg://", connect_args={"server_settings": {"search_path": "app"}})
    key = app.key
    async with AsyncSession(engine, expire_on_commit=False) as session:
        slack = await session.get(app.Slack, key(30))
        slack.channel = "#async"
        await session.commit()
        equal((slack.channel, slack.inherited), ("#async", False))
        equal(app.own(30), {"channel": "#async"})
        names = (await session.scalars(select(app.Project.name).join(app.Project.slack).where(app.Slack.channel == "#async"))).all()
        equal(names, ["project 30"])
        slack.channel = None
        await session.commit()
        await session.refresh(slack)
        equal(slack.channel, "#team")
        # An id is cast, or the driver takes the function's own type, external_id, for the parameter's.
        resolved = func.integration_defaults.active_settings("slack", cast(key(30), app.Slack.id.type), type_=JSONB)
        equal((await session.scalar(select(resolved)))["channel"], "#team")
        row = (await session.scalars(select(app.Integration).filter_by(project_id=str(key(30)), integration="slack"))).one()
        equal(row.settings["channel"], "#team")
        slack.push_events = False
        try:
            await session.commit()
        except IntegrityError as error:
            equal(error.orig.pgcode, "23514")
        else:
            equal("not refused", "refused")
    await engine.dispose()


for key_type in KEYS:
    print(key_type)
    app = App(key_type)
    run(app)
    start("asynchronous")
    try:
        asyncio.run(asynchronous(app))
    except Exception:
        crashed()
    app.engine.dispose()
finish()

"""A role's connection, on which statements may be interrupted."""
import os
import threading

import psycopg


class Session:
    def __init__(self, database, role, rng):
        self.rng = rng
        self.connection = psycopg.connect(dbname=database, user=role, autocommit=True)
        self.connection.execute("SET statement_timeout = '3s'; SET lock_timeout = '2s'; SET client_min_messages = error")

    def run(self, sql):
        """Gives the error, if there was one."""
        timer = None
        if self.rng.random() < 0.15:
            timer = threading.Timer(self.rng.random() ** 3 * 0.05, self.connection.cancel)
            timer.start()
        try:
            self.connection.execute(sql)
            return None
        except psycopg.OperationalError as error:
            if self.connection.closed:
                raise
            return error
        except (psycopg.Error, UnicodeError, ValueError) as error:
            if not hasattr(error, "sqlstate"):
                error.sqlstate = None
            if self.rng.random() < 0.5 and self.connection.info.transaction_status == psycopg.pq.TransactionStatus.INERROR:
                self.roll_back()
            return error
        finally:
            if timer is not None:
                timer.cancel()
                timer.join()

    def roll_back(self):
        try:
            self.connection.execute("ROLLBACK")
        except psycopg.errors.QueryCanceled:  # what was to interrupt the statement before has come late
            self.connection.execute("ROLLBACK")

    def end(self):
        for command in ("COMMIT", "ROLLBACK"):
            self.run(command)

    def memory(self):
        """Bytes that are the backend's own."""
        try:
            with open(f"/proc/{self.connection.info.backend_pid}/status") as status:
                return next(int(line.split()[1]) * 1024 for line in status if line.startswith("RssAnon"))
        except (OSError, StopIteration):
            return 0

    def close(self):
        self.connection.close()


class Watch:
    """Ends everything where a statement can't be cancelled: its timeout is seconds, this is minutes."""

    def __init__(self, name):
        self.timer = threading.Timer(600, self.give_up, (name,))

    def give_up(self, name):
        print(f"{name}: a statement can't be cancelled\n0 passed, 1 failed", flush=True)
        os._exit(1)

    def __enter__(self):
        self.timer.start()

    def __exit__(self, *_):
        self.timer.cancel()

"""A session that does not keep us waiting while it waits for another one."""

import select

from psycopg import pq


class Session:
    def __init__(self, database, control):
        """control: a connection that asks the server who waits."""
        self.control, self.other = control, None
        self.connection = pq.PGconn.connect(f"dbname={database}".encode())
        if self.connection.status != pq.ConnStatus.OK:
            raise RuntimeError(self.connection.error_message.decode())
        self.blocked, self.error = False, None
        self.run("SET deadlock_timeout = '100ms'; SET client_min_messages = warning; SET jit = off")

    def run(self, sql):
        """Runs what waits for nobody."""
        self.send(sql)
        while not self.end_or_wait():
            pass
        if self.error:
            raise RuntimeError(f"{sql}: {self.message}")

    def send(self, sql):
        self.connection.send_query(sql.encode())
        self.blocked, self.error = True, None

    def end_or_wait(self):
        """True when what was sent has ended, with `error`, an SQLSTATE, if it failed; False when it waits for the other."""
        patience = 0.001
        while True:
            self.connection.consume_input()
            if not self.connection.is_busy():
                break
            if not select.select([self.connection.socket], [], [], patience)[0]:
                if self.other and self.control.execute(
                        "SELECT pg_catalog.pg_isolation_test_session_is_blocked(%s, ARRAY[%s::int])",
                        (self.connection.backend_pid, self.other)).fetchone()[0]:
                    return False
                patience = min(patience * 2, 0.05)
        while (result := self.connection.get_result()) is not None:
            if result.status == pq.ExecStatus.FATAL_ERROR:
                self.error = result.error_field(pq.DiagnosticField.SQLSTATE).decode()
                self.message = result.error_message.decode("utf-8", "replace")
        if self.connection.status != pq.ConnStatus.OK:
            raise RuntimeError("the server went down")
        self.blocked = False
        return True

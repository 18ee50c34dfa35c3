// The database that types, groups and their settings come from, as a shard sees it while it subscribes.
#pragma once

#include "postgres/walreceiver.hpp"

namespace intd {

class Publisher {
  public:
    /// Connects; 08001 if that fails.
    Publisher(const char *connection, bool needs_password);
    ~Publisher();
    Publisher(const Publisher &) = delete;
    Publisher &operator=(const Publisher &) = delete;

    /// Throws 22023 if it is this very database.
    void require_other_database();
    /// Throws 42704 or 55000 unless the publication is there and publishes these tables, and no other. `tables`: with
    /// their schema, in order, joined by ", ".
    void require_publication(const char *name, const char *tables);

    /// Waits for the transactions that are running there. One of that name which nobody uses has been left by an
    /// attempt that was ended meanwhile, and is dropped.
    void create_slot(const char *name);
    /// Waits until nobody uses it.
    void drop_slot(const char *name);

  private:
    /// The first column of what a query gives, text, its rows joined by `between`; empty if there are none.
    std::string_view ask(const char *query, const char *between);
    const char *run(const char *command, int columns, const char *between);

    WalReceiverConn *connection_;
};

} // namespace intd

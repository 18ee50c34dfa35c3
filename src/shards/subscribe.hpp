// A subscription to what another database publishes.
#pragma once

#include "postgres/boundary.hpp"

namespace intd {

/// Throws 25001 unless a procedure is CALLed where it may commit.
void require_procedure(FunctionCallInfo fcinfo, const char *name);
/// Server code.
void commit_now();

/// Throws 42501 for who may not make subscriptions.
void require_subscriber();
/// Whether the database has subscribed to another one's.
bool has_subscribed();

/// Of a node of Citus': types and what is set on the instance and on groups come from the coordinator from now on;
/// waits until what is there has come. Commits. Throws as subscribe_defaults().
void subscribe_node(const char *connection, const char *publication);

} // namespace intd

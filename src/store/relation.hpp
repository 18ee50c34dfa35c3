// Our tables as the server has them: which relation each is, whose, whether it is as we declared it, and whether its
// rows may be read without running a query. Known until the server says that something about it has changed.
//
// A table is read directly where that is exact: the relation is a plain heap table of this server with its primary key
// in place. It is read as our owner would read it: who may ask is decided before (see access.hpp).
#pragma once

#include "store/tables.hpp"

namespace intd {

/// The relation's oid. Throws undefined_table while the extension is not there, and 55000 where the table is not of the
/// shape that we declared: what reads its rows relies on that.
Oid table_oid(Table table);

/// Which of our tables a relation is, which must be one of them.
Table table_with(Oid relation);

/// Our owner: whom the table `integrations` belongs to. Throws 55000 unless all six tables do.
Oid our_owner();

/// Whether every one of our tables is read directly, so that what was computed from them under the same snapshot may be
/// used again.
bool reads_all_directly();

/// Whether they were found to be, and nothing that has been heard of since then has changed it.
bool reads_all_as_known();

/// What is known of a relation until the server says that it, or any of ours, has changed.
struct KnownTable {
    Oid relation;
    Oid owner;
    Oid key;     // its primary key's index
    Oid parents; // an index by what groups or projects name as their parent, or InvalidOid
    bool plain;  // a plain heap table of this server with the primary key that we declared
    bool locked; // this transaction has it and its key's index locked until its end
    bool valid;
};

// Server code: raises reports.

/// Looks the relation up again if need be.
KnownTable &look_up(Table table);

/// The same if it is read directly; else null.
KnownTable *look_up_direct(Table table);

/// Whether an index takes the row's own columns, at once and of every row: not expressions, nor some rows only, nor
/// what an exclusion constraint or a deferrable one is. What is written without the executor needs no more.
bool is_simple_index(Relation index, const IndexInfo *info);

// C++.

/// Called once, when the module is loaded.
void watch_tables();

} // namespace intd

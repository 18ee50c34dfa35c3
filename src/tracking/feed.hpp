// Many rows of a tracked table, read in batches.
#pragma once

#include "tracking/rows.hpp"

namespace intd {

/// Rows of a batch that are let in, and the ids of those that are left out.
struct Batch {
    State *states;
    int count;
    Datum *left_out;
    int left_out_count;
    bool last;
};

/// Projects that are let in, as many as there is memory for: the more there are, the less each costs.
struct ProjectBatch {
    NewProject *rows;
    int count;
    bool last;
};

/// Where a batch comes from: a transition table or, before a partition is truncated, the partition itself.
struct Feed {
    RowReader *reader;
    TupleTableSlot *slot;
    Tuplestorestate *store;
    int pointer;
    TableScanDesc scan;
    Snapshot snapshot;
    MemoryContext memory; // of one batch
};

// Server code: raises reports.

/// Opens a feed of `store`, or of the relation's own rows if that is null. False if nothing is tracked.
bool open_feed(Feed *feed, Relation relation, Kind kind, Tuplestorestate *store);

/// The next rows; the batch before is gone.
Batch next_batch(Feed *feed);

/// The same for a store of projects, where only the rows that are let in are wanted.
ProjectBatch next_projects(Feed *feed);

void close_feed(Feed *feed);

} // namespace intd

/* metric_cell.h - what threads write when they measure, and how a collection takes it.
 *
 * Each thread has a cell of its own for each series that it measures. A sum's cell is a number that
 * only its thread changes and that never goes back to zero: no lock, no read-modify-write; the
 * collection remembers how much of it it has taken. Cells of histograms and gauges have several
 * words, and a lock of one byte that is nearly always the thread's alone.
 *
 * Threads and cells are never given back within a run: when a thread ends the next new one takes
 * over its cells, and what is in them stays. At the first measurement in another run a thread
 * empties its own; nobody else ever frees what a thread may be writing to.
 */
#ifndef SDK_METRIC_CELL_H
#define SDK_METRIC_CELL_H

#include "sdk/meter.h"

/* The collector: moves what all threads have measured since the last call into their series. */
void cells_drain(void);

/* These three with the lock held. */
void cells_reclaim(void);    /* those of ended threads and of this one, between runs */
void cells_take_stock(void); /* a fork's child, before its first use: all of them */
void cells_after_fork(void); /* in the handler */

#endif

// What is recorded of locks and of who waits for them, and of what other rows have as well: stacks,
// distributions, estimates. The rules are those of fields.h.
#pragma once

#include "model/report.h"
#include "recording/archive.h"

namespace cw::recording {

template <typename Archive, typename T>
using Field = typename Archive::template Of<T>;  // const where it writes

template <typename Archive>
void fields(Archive& archive, Field<Archive, Frame>& frame) {
  archive(1, frame.function);
  archive(2, frame.module);
  archive(3, frame.offset);
  archive(4, frame.file);
  archive(5, frame.line);
  archive(6, frame.inlined);
  archive(7, frame.inferred);
  archive(8, frame.guessed);
  archive(9, frame.build_id);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, Stack>& stack) {
  archive(1, stack.frames);
  archive(2, stack.complete);
  archive(3, stack.own);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, Distribution>& distribution) {
  archive(1, distribution.histogram);
  archive.near(2, distribution.count, distribution.histogram.count());
  archive.near(3, distribution.sum_ns, about_sum(distribution.histogram));
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, SizeDistribution>& sizes) {
  archive(1, sizes.histogram);
  archive.near(2, sizes.count, sizes.histogram.count());
  archive.near(3, sizes.sum_bytes, about_sum(sizes.histogram));
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, Waiters>& waiters) {
  archive(1, waiters.share);
  archive(2, waiters.waits);
  archive(3, waiters.mode);
  archive(4, waiters.stack);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, Releasers>& releasers) {
  archive(1, releasers.share);
  archive(2, releasers.wakes);
  archive(3, releasers.stack);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, Owner>& owner) {
  archive(1, owner.tid);
  archive(2, owner.comm);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, Estimate>& estimate) {
  archive(1, estimate.estimate);
  archive(2, estimate.low);
  archive(3, estimate.high);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, Holders>& holders) {
  archive(1, holders.share);
  archive(2, holders.acquisitions_per_s);
  archive(3, holders.hold);
  archive(4, holders.stack);
  archive(5, holders.share_interval);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, WhatIf>& what_if) {
  archive.sentence(1, what_if.change);
  archive(2, what_if.predicted_per_s);
  archive(3, what_if.low);
  archive(4, what_if.high);
  archive.sentence(5, what_if.assumes);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, SectionsReport>& sections) {
  archive(1, sections.acquisitions_per_s);
  archive(2, sections.bounds_only);
  archive(3, sections.contended_share);
  archive(4, sections.read_share);
  archive(5, sections.hold);
  archive(6, sections.utilisation);
  archive(7, sections.ceiling_per_s);
  archive(8, sections.holders);
  archive(9, sections.what_if);
  archive(10, sections.threads);
  archive(11, sections.hold_mean_ns);
  archive(12, sections.ceiling_threads);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, LockPlace>& place) {
  archive(1, place.pid);
  archive(2, place.address);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, OwnerLooks::WaitsFor>& other) {
  archive.choice(1, other.kind, LockKind::kEventcount);
  archive(2, other.name);
  archive(3, other.looks);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, OwnerLooks>& looks) {
  archive(1, looks.looks);
  archive(2, looks.owned);
  archive(3, looks.asleep_in);
  archive(4, looks.waits_for);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, Pattern>& pattern) {
  archive(1, pattern.name);
  archive.sentence(2, pattern.evidence);
}

// Which lock it is: the same in each interval.
inline constexpr auto kLockIdentity = [](auto& archive, auto& lock) {
  archive(1, lock.pids);
  archive(2, lock.comm);
  archive.choice(3, lock.kind, LockKind::kEventcount);
  archive(4, lock.name);
  archive(5, lock.has_symbol);
  archive(6, lock.address);
  archive(7, lock.object);
  archive(8, lock.primitive);
  archive(9, lock.per_waiter_words);
  archive(10, lock.places);
  archive(11, lock.goroutines);
};

template <typename Archive>
void fields(Archive& archive, Field<Archive, LockReport>& lock) {
  archive.shared(1, lock, kLockIdentity);
  archive.choice(2, lock.level, Level::kCulprit);
  archive(3, lock.cause);
  archive.sentence(4, lock.arithmetic);
  archive.sentence(5, lock.advice);
  archive(6, lock.wait);
  archive.near(7, lock.waits, lock.wait.count);
  archive.ratio(8, lock.waits_per_s, archive.interval_s(), lock.waits);
  archive(9, lock.timed_out);
  archive(10, lock.interrupted);
  archive(11, lock.raced);
  archive(12, lock.failed);
  archive(13, lock.in_progress);
  archive(14, lock.waits_at_least);
  archive.near(15, lock.threads, lock.waits);
  archive(16, lock.runnable_ns);
  archive.ratio(17, lock.waiters_mean, archive.interval_ns(), lock.wait.sum_ns);
  archive.ratio(18, lock.runnable_mean, archive.interval_ns(), lock.runnable_ns);
  archive.ratio(19, lock.busy_share, archive.interval_ns(),
                archive.count_of(lock.waiters_mean, archive.interval_ns()));
  archive(20, lock.busy_share_bounds);
  archive.like(21, lock.wake_gap.histogram, lock.wait.histogram);
  archive.near(28, lock.wake_gap.count, lock.wake_gap.histogram.count());
  archive(29, lock.wake_gap.sum_ns);
  archive(22, lock.owner);
  archive(23, lock.waiters);
  archive(24, lock.releasers);
  const std::uint64_t waiting = archive.count_of(lock.waiters_mean, archive.interval_ns());
  archive.rest(25, lock.unattributed_share, static_cast<double>(waiting), waiting);
  archive(26, lock.sections);
  archive(27, lock.objects);
  archive(30, lock.patterns);
  archive.sentence(31, lock.explanation);
  archive(32, lock.owner_looks);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, DeadlockLink>& link) {
  archive(1, link.pid);
  archive(2, link.tid);
  archive(3, link.comm);
  archive.choice(4, link.kind, LockKind::kEventcount);
  archive(5, link.name);
  archive(6, link.has_symbol);
  archive(7, link.waits_for);
  archive(8, link.held_by);
  archive(9, link.waiting_ns);
  archive(10, link.at_least);
  archive(11, link.stack);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, Deadlock>& deadlock) {
  archive(1, deadlock.cycle);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, NotListed>& others) {
  archive(1, others.count);
  archive(2, others.waits);
  archive(3, others.sum_ns);
  archive(4, others.waiters_mean);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, IdleWaits>& idle) {
  archive(1, idle.count);
  archive(2, idle.sum_ns);
  archive(3, idle.threads_mean);
  archive(4, idle.objects);
}

}  // namespace cw::recording

#include "app/rights.h"

#include <cap-ng.h>
#include <sys/prctl.h>

#include "model/rights.h"
#include "probes/features.h"

namespace cw {
namespace {

bool apply_all() {
  // The bounding set first: changing it takes CAP_SETPCAP. Who lacks that keeps it, which gives
  // nothing to anybody: no program that is run after PR_SET_NO_NEW_PRIVS gains from it.
  static_cast<void>(capng_apply(CAPNG_SELECT_BOUNDS));
  return capng_apply(CAPNG_SELECT_CAPS) == 0 && capng_apply(CAPNG_SELECT_AMBIENT) == 0 &&
         prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

}  // namespace

bool holds_right(int capability) {
  return capng_get_caps_process() == 0 &&
         capng_have_capability(CAPNG_EFFECTIVE, static_cast<unsigned>(capability)) != 0;
}

bool maps_take_rights() {
  capng_get_caps_process();
  void* before = capng_save_state();
  capng_updatev(CAPNG_DROP, CAPNG_EFFECTIVE, CAP_BPF, CAP_SYS_ADMIN, -1);
  const bool refused = capng_apply(CAPNG_SELECT_CAPS) != 0 || !may_make_maps();
  capng_restore_state(&before);
  static_cast<void>(capng_apply(CAPNG_SELECT_CAPS));
  return refused;
}

Result<std::vector<std::string>> drop_rights(std::optional<int> also) {
  std::vector<Right> held;
  for (const Right& right : kRights)
    if (holds_right(right.number)) held.push_back(right);
  const bool for_maps = maps_take_rights();
  std::vector<std::string> kept;
  capng_clear(CAPNG_SELECT_ALL);
  for (const Right& right : held) {
    if (!is_kept(right, for_maps) && right.number != also) continue;
    for (const capng_type_t set : {CAPNG_EFFECTIVE, CAPNG_PERMITTED, CAPNG_BOUNDING_SET})
      capng_update(CAPNG_ADD, set, static_cast<unsigned>(right.number));
    kept.emplace_back(right.name);
  }
  if (!apply_all())
    return fail(Exit::kFailed, "cannot give up the rights that are needed no longer");
  return kept;
}

}  // namespace cw

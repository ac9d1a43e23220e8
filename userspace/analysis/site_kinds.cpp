#include "analysis/site_kinds.h"

namespace cw {

const SiteKind* SiteKinds::known(const CallSite& site) const {
  const auto found = memory_.sites.find(site);
  return found == memory_.sites.end() ? nullptr : &found->second;
}

const SiteKind* SiteKinds::ask(const CallSite& site) {
  if (site.stack == 0) return nullptr;
  if (const SiteKind* const found = known(site)) return found;
  const Stack& stack = stacks_.functions_of(site.image, site.stack);
  if (stack.frames.empty()) return nullptr;  // it may be kept later, under the same id
  SiteKind kind{.what = classify_frames(stack, site.op, site.value), .own = own_place(stack)};
  return &memory_.sites.emplace(site, std::move(kind)).first->second;
}

WakeMeans SiteKinds::wake_means(ImageId image, StackId stack) {
  return stack == 0 ? WakeMeans::kNotKnown : meaning_of_wake(stacks_.functions_of(image, stack));
}

}  // namespace cw

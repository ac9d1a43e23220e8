// What the sites of a word stand for, made to add up to what the word counted.
#pragma once

#include "model/snapshot.h"

namespace cw {

// Of a busy word one stack in so many is taken and stands for as many events: the sites' sums are
// estimates, where the word's own counts are exact. Of the sites' only the proportions are kept;
// all of them where the word has no count yet, or no site.
void fit_sites(Word& word);

}  // namespace cw

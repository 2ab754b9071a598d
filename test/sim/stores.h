#pragma once

#include "provider/memory/memory_provider.h"
#include "rt/random.h"
#include "sim/setting.h"

namespace ox::sim {

/// What a store without disks, journals and inodes may lack, for short histories.
provider::MemoryOptions draw_store(rt::SeededRandom& random, Tolerance& tolerance);

/// What it may lack beside in a whole one.
void draw_more_lacks(rt::SeededRandom& random, provider::MemoryOptions& store, Setting& setting);

}  // namespace ox::sim

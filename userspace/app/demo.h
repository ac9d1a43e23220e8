// The bundled service: started, watched, stopped.
#pragma once

#include "app/settings.h"

namespace cw {

Result<Exit> demo(Settings settings);

}  // namespace cw

// Core that knows a plugin and CUDA.
#include <cuda.h>

#include "../../plugins/toy/device.hpp"

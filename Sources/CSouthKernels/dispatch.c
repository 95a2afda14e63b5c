#include "southkernels.h"

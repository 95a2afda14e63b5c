#include "southimagecodecs.h"

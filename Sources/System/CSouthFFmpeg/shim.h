#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avutil.h>
#include <libavutil/channel_layout.h>
#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>

// Macros that Swift does not import.
static inline int south_averror(int code) { return AVERROR(code); }
static inline int south_averror_eof(void) { return AVERROR_EOF; }
static inline int64_t south_no_pts(void) { return AV_NOPTS_VALUE; }

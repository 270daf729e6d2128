#!/bin/sh
# Prints an asoundrc of ideal cards whose files are in a folder: sh asoundrc.sh FOLDER
#
# Each PCM is a card of its own, with the control file FOLDER/NAME.control (see ideal_card.h); those of the same loop
# file hear each other. Fields of a PCM of `type ideal`:
#   control FILE        loop FILE        record FILE (what was played: S16_LE, two channels)
#   signal stamp|tone|impulse|loop|silence (capture)      tone HZ
#   rates [ ... ]  formats [ ... ]  channels [ ... ]  access rw      period_min FRAMES
set -e
folder=$(cd "$1" && pwd)

card() { # NAME DESCRIPTION FIELDS
    cat <<END
pcm.$1 {
    type ideal
    control "$folder/$1.control"
    $3
    hint { show on description "$2" }
}
ctl.$1 { type ideal control "$folder/$1.control" }
END
}

cat <<END
pcm_type.ideal { lib "$folder/libasound_module_pcm_ideal.so" }
ctl_type.ideal { lib "$folder/libasound_module_ctl_ideal.so" }
END
echo "pcm.broken { type nonsense hint { show on description \"A definition that cannot be opened\" } }"
card ideal "Ideal card" "signal stamp loop \"$folder/ideal.loop\""
card ideal-loop "Ideal card that hears what it and ideal play" "signal loop loop \"$folder/ideal.loop\""
card ideal-tone "Ideal card, 1 kHz" "signal tone tone 1000"
card ideal-impulse "Ideal card, an impulse a second" "signal impulse"
card ideal-silence "Ideal card, silence" "signal silence"
card ideal-rw "Ideal card without mmap" "access rw loop \"$folder/ideal-rw.loop\""
card ideal-s32 "Ideal card, S32 only" "formats [ S32_LE ] loop \"$folder/ideal-s32.loop\""
card ideal-s24 "Ideal card, S24_3LE only" "formats [ S24_3LE ] loop \"$folder/ideal-s24.loop\""
card ideal-float "Ideal card, float only" "formats [ FLOAT_LE ] loop \"$folder/ideal-float.loop\""
card ideal-mono "Ideal card, one channel" "channels [ 1 ] loop \"$folder/ideal-mono.loop\""
card ideal-stereo "Ideal card, two channels" "channels [ 2 ] loop \"$folder/ideal-stereo.loop\""
card ideal-four "Ideal card, four channels" "channels [ 4 ] loop \"$folder/ideal-four.loop\""
card ideal-44100 "Ideal card, 44.1 kHz, tone" \
    "rates [ 44100 ] signal tone tone 1000 loop \"$folder/ideal-44100.loop\""
card ideal-16000 "Ideal card, 16 kHz, tone" \
    "rates [ 16000 ] signal tone tone 1000 loop \"$folder/ideal-16000.loop\""
card ideal-480 "Ideal card, periods of 10 ms at least" "period_min 480"

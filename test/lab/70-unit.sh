#!/bin/bash
# The unit that `agent --install` writes, as systemd itself reads it. The files are this story's own: the host's /etc is not touched.
. "${0%/*}/lib.sh"
mkdir -p /etc/systemd/system && mount -t tmpfs unit /etc/systemd/system || bad 'a place for the unit'
own="$lab/5% swarm \$box"
cp "$binary" "$own"
unit=/etc/systemd/system/swarmbox.service
install_unit() { "$own" agent --install --data-root "$data" --run-root "$run" --label 'zone=a b' --label 'pct=5%$x'; }

has 'the unit is written' "$(install_unit)" 'is written and enabled'
is 'and enabled' "$(readlink -f /etc/systemd/system/multi-user.target.wants/swarmbox.service)" "$unit"
has 'again is no error' "$(install_unit)" 'is written and enabled'
if command -v systemd-analyze >/dev/null; then
	# what it says of other units of this host is not ours
	is 'systemd finds nothing wrong with it' "$(systemd-analyze verify "$unit" 2>&1 | grep -i swarm)" ''
	sed 's/^Type=notify/Type=notfy/' "$unit" >"/etc/systemd/system/swarmbox-bad.service"
	has 'and would have said so' "$(systemd-analyze verify /etc/systemd/system/swarmbox-bad.service 2>&1)" 'swarmbox-bad.service'
fi
umount /etc/systemd/system

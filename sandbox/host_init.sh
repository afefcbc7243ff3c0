# Process 1 of a sandbox host: makes its file system, then keeps its SSH server. Started by sandbox/_host_runtime.py
# in namespaces of its own (network, mounts, host name, IPC, processes); when it ends, all of them end with it.
set -eu
directory=$1 name=$2 disk_mib=$3
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 022

# What a host shares with this machine, read-only: its programs, and /etc. Nothing of anybody's data or keys.
disk=$directory/mnt
mount -t tmpfs -o "mode=0755,size=${disk_mib}m" "host-$name" "$disk"
upper=$disk/upper root=$disk/root
mkdir -p "$upper/etc" "$upper/var/lib" "$disk/work" "$root"

hide() { mknod "$upper/$1" c 0 0; } # how overlayfs writes down that something is not there
for entry in $(ls -A /); do
  case $entry in bin | sbin | lib | lib32 | lib64 | libx32 | usr | etc | var) ;; *) hide "$entry" ;; esac
done
for entry in $(ls -A /var); do
  case $entry in lib) ;; *) hide "var/$entry" ;; esac
done
for entry in $(ls -A /var/lib); do
  case $entry in dpkg | apt | pam) ;; *) hide "var/lib/$entry" ;; esac
done
chmod --reference=/etc "$upper/etc"
for entry in ssh postgresql hostname hosts resolv.conf machine-id fstab mtab; do
  if [ -e "/etc/$entry" ] || [ -L "/etc/$entry" ]; then hide "etc/$entry"; fi
done
find /etc -mindepth 1 \( -path /etc/ssh -o -path /etc/postgresql -o -path /etc/sudoers -o -path /etc/sudoers.d \) -prune \
  -o ! -type l ! -perm -o=r -prune -printf '%P\n' | while read -r path; do
  case $path in */*) mkdir -p "$upper/etc/${path%/*}" ;; esac
  hide "etc/$path"
done
mount -t overlay "host-$name" -o "lowerdir=/,upperdir=$upper,workdir=$disk/work" "$root"

cd "$root"
mkdir -m 0755 dev proc sys run srv opt mnt media boot home etc/ssh etc/postgresql run/sshd run/lock
mkdir -m 0755 var/log var/cache var/spool var/mail var/backups var/lib/misc
mkdir -m 0700 root
mkdir -m 1777 tmp var/tmp
ln -s /run var/run
ln -s /proc/self/mounts etc/mtab
if owner=$(id -u postgres 2>/dev/null); then
  install -d -o "$owner" -g "$(id -g postgres)" -m 0755 var/lib/postgresql run/postgresql
fi

# The kernel's own file systems: settings of the machine can be read in a host, not changed.
mount -t proc -o nosuid,nodev,noexec proc proc
echo "$name" >proc/sys/kernel/hostname
for place in proc/sys proc/sysrq-trigger proc/irq proc/bus; do
  if [ -e "$place" ]; then mount --bind "$place" "$place" && mount -o remount,bind,ro "$place"; fi
done
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
mount -t tmpfs -o mode=0755,nosuid,size=64k dev dev
mknod -m 0666 dev/null c 1 3
mknod -m 0666 dev/zero c 1 5
mknod -m 0666 dev/full c 1 7
mknod -m 0666 dev/random c 1 8
mknod -m 0666 dev/urandom c 1 9
mknod -m 0666 dev/tty c 5 0
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777,nosuid,nodev shm dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr

# Nobody has a password; whoever has a shell can be logged in to with the sandbox's key.
cut -d: -f1 etc/passwd | sed 's/$/:*:19000:0:99999:7:::/' >etc/shadow
chmod 0600 etc/shadow
echo "$name" >etc/hostname
printf '127.0.0.1 localhost %s\n' "$name" >etc/hosts
: >etc/resolv.conf
: >etc/fstab
tr -d - <proc/sys/kernel/random/uuid >etc/machine-id
cp "$directory/sshd_config" etc/ssh/sshd_config
install -m 0600 "$directory/keys/$name" etc/ssh/ssh_host_ed25519_key
install -m 0644 "$directory/keys/$name.pub" etc/ssh/ssh_host_ed25519_key.pub
install -m 0644 "$directory/id_ed25519.pub" etc/ssh/authorized_keys
if [ -e "$directory/keys/$name.login" ]; then cat "$directory/keys/$name.login" >>etc/ssh/authorized_keys; fi

mkdir .machine
pivot_root . .machine
cd /
umount -l /.machine
rmdir /.machine
ip link set lo up

trap 'exit 0' TERM INT
# A playbook that goes too far harms its host: not the machine's clock, modules or devices.
setpriv --bounding-set=-sys_time,-sys_module,-sys_rawio,-sys_boot,-mknod,-syslog \
  env -i "PATH=$PATH" /usr/sbin/sshd -D -e &
wait $!

#!/usr/bin/perl
# Writes the location files of the tests: tests/data/make-mmdb.pl DIRECTORY
# places.mmdb has MaxMind's nested layout, flat.mmdb the flat one of other makers, ipv4.mmdb a tree of IPv4 only.
# Needs Debian's libmaxmind-db-writer-perl; the files are committed, so the tests don't.
use strict;
use warnings;
use MaxMind::DB::Writer::Tree;

my $directory = shift or die "usage: $0 DIRECTORY\n";

my %types = (
    country      => 'map',
    iso_code     => 'utf8_string',
    country_code => 'utf8_string',
    names        => 'map',
    en           => 'utf8_string',
    city         => 'utf8_string',
);

# Only prefixes that belong to nobody: private, documentation, loopback, benchmarking.
my @places = (
    [ '10.0.0.0/8'        => 'NL' ],
    [ '10.1.0.0/16'       => 'BE' ],
    [ '10.1.2.0/24'       => 'LU' ],
    [ '192.0.2.0/24'      => 'FR' ],
    [ '198.51.100.0/24'   => 'DE' ],
    [ '203.0.113.128/25'  => 'US' ],
    [ '127.0.1.0/24'      => 'NL' ],
    [ '127.0.2.0/24'      => 'DE' ],
    [ '127.0.3.0/24'      => 'US' ],
    [ '127.0.0.77/32'     => 'JP' ],
    [ '2001:db8::/32'     => 'US' ],
    [ '2001:db8:1::/48'   => 'NL' ],
    [ '2001:db8:2:3::/64' => 'DE' ],
    [ '2001:db8::53/128'  => 'JP' ],
    [ 'fd00::/8'          => 'BR' ],
);

sub write_tree {
    my ( $file, $ip_version, $record_of ) = @_;
    my $tree = MaxMind::DB::Writer::Tree->new(
        ip_version               => $ip_version,
        record_size              => 24,
        database_type            => 'ntspool-test',
        languages                => ['en'],
        description              => { en => 'made-up places for the tests of ntspool' },
        map_key_type_callback    => sub { $types{ $_[0] } },
        remove_reserved_networks => 0,
        alias_ipv6_to_ipv4       => 0,
    );
    for my $place (@places) {
        next if $ip_version == 4 && $place->[0] =~ /:/;
        $tree->insert_network( $place->[0], $record_of->( $place->[1] ) );
    }
    # A record that knows no country, and one whose code is none.
    $tree->insert_network( '172.16.0.0/12',  { names        => { en => 'nowhere' } } );
    $tree->insert_network( '192.168.0.0/16', $record_of->('XYZ') );
    open my $out, '>:raw', "$directory/$file" or die "$directory/$file: $!\n";
    $tree->write_tree($out);
    close $out or die "$directory/$file: $!\n";
}

write_tree( 'places.mmdb', 6, sub { { country => { iso_code => $_[0], names => { en => "land $_[0]" } } } } );
write_tree( 'flat.mmdb',   6, sub { { city => "town of $_[0]", country_code => $_[0] } } );
write_tree( 'ipv4.mmdb',   4, sub { { country_code => lc $_[0] } } );

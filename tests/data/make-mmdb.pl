#!/usr/bin/perl
# Writes the location files of the tests: tests/data/make-mmdb.pl DIRECTORY
# places.mmdb has MaxMind's nested layout, flat.mmdb the flat one of other makers, ipv4.mmdb a tree of IPv4 only. towns.mmdb is at
# city level, with subdivisions, positions and aliases; towns-ipv4.mmdb and towns-ipv6.mmdb say the same without subdivisions, apart.
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
    code         => 'utf8_string',
    continent    => 'map',
    subdivisions => [ 'array', 'map' ],
    location     => 'map',
    latitude     => 'double',
    longitude    => 'double',
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

# Prefix, country, subdivision, latitude, longitude; other makers' flat files have no codes of subdivisions.
my @towns = (
    [ '10.0.0.0/16'     => 'US', 'CA',  37,    -122 ],
    [ '10.1.0.0/16'     => 'US', 'CA',  37.02, -122.03 ],    # a quarter of an hour's walk away: one place
    [ '10.2.0.0/16'     => 'US', 'NY',  41,    -74 ],
    [ '10.3.0.0/16'     => 'US', undef, 38,    -97 ],
    [ '10.4.0.0/16'     => 'FJ', undef, -18,   179 ],        # both sides of the 180th meridian
    [ '10.5.0.0/16'     => 'FJ', undef, -18,   -179 ],
    [ '10.6.0.0/16'     => 'LU', 'LU',  49.6,  6.1 ],        # all that is said of it
    [ '10.7.0.0/16'     => 'CH', 'ZH',  47.4,  8.5 ],        # only subdivisions, two of them
    [ '10.8.0.0/16'     => 'CH', 'GE',  46.2,  6.1 ],
    [ '10.9.0.0/16'     => 'BR', undef, undef, undef ],
    [ '10.10.0.0/15'    => 'NL', undef, 52,    5 ],          # weighs twice as much
    [ '10.12.0.0/16'    => 'NL', undef, 53.5,  6.5 ],
    [ '2001:db8::/48'   => 'US', 'NY',  10,    10 ],         # IPv4 says where New York is
    [ '2001:db8:1::/48' => 'JP', undef, 35.7,  139.7 ],      # not in IPv4
    [ '2001:db8:2::/47' => 'JP', undef, 34.7,  135.5 ],
    [ '2001:db8:9::/68' => 'SE', undef, 59.3,  18.1 ],       # longer than a network
);

sub new_tree {
    my ( $ip_version, $record_size, $aliases ) = @_;
    return MaxMind::DB::Writer::Tree->new(
        ip_version               => $ip_version,
        record_size              => $record_size,
        database_type            => 'ntspool-test',
        languages                => ['en'],
        description              => { en => 'made-up places for the tests of ntspool' },
        map_key_type_callback    => sub { $types{ $_[0] } },
        remove_reserved_networks => 0,
        alias_ipv6_to_ipv4       => $aliases,
    );
}

sub write_file {
    my ( $tree, $file ) = @_;
    open my $out, '>:raw', "$directory/$file" or die "$directory/$file: $!\n";
    $tree->write_tree($out);
    close $out or die "$directory/$file: $!\n";
}

sub write_tree {
    my ( $file, $ip_version, $record_of ) = @_;
    my $tree = new_tree( $ip_version, 24, 0 );
    for my $place (@places) {
        next if $ip_version == 4 && $place->[0] =~ /:/;
        $tree->insert_network( $place->[0], $record_of->( $place->[1] ) );
    }
    # A record that knows no country, and one whose code is none.
    $tree->insert_network( '172.16.0.0/12',  { names        => { en => 'nowhere' } } );
    $tree->insert_network( '192.168.0.0/16', $record_of->('XYZ') );
    write_file( $tree, $file );
}

# With a family only its towns; else both, and the aliases of IPv4 that MaxMind's files have.
sub write_towns {
    my ( $file, $family, $record_size, $record_of ) = @_;
    my $tree = new_tree( $family == 4 ? 4 : 6, $record_size, $family == 0 );
    for my $town (@towns) {
        next if $family != 0 && ( $family == 6 ) != ( $town->[0] =~ /:/ );
        $tree->insert_network( $town->[0], $record_of->( @$town[ 1 .. 4 ] ) );
    }
    write_file( $tree, $file );
}

sub nested {
    my ( $country, $subdivision, $latitude, $longitude ) = @_;
    my $record = { country => { iso_code => $country, names => { en => "land $country" } }, continent => { code => 'XX' } };
    $record->{continent}{code} = 'SA' if $country eq 'BR';
    $record->{subdivisions} = [ { iso_code => $subdivision }, { iso_code => 'Q' } ] if defined $subdivision;
    $record->{location} = { latitude => $latitude, longitude => $longitude } if defined $latitude;
    return $record;
}

sub flat {
    my ( $country, $subdivision, $latitude, $longitude ) = @_;
    my $record = { country_code => $country, city => "town of $country" };
    @$record{ 'latitude', 'longitude' } = ( $latitude, $longitude ) if defined $latitude;
    return $record;
}

write_tree( 'places.mmdb', 6, sub { { country => { iso_code => $_[0], names => { en => "land $_[0]" } } } } );
write_tree( 'flat.mmdb',   6, sub { { city => "town of $_[0]", country_code => $_[0] } } );
write_tree( 'ipv4.mmdb',   4, sub { { country_code => lc $_[0] } } );
write_towns( 'towns.mmdb',      0, 28, \&nested );
write_towns( 'towns-ipv4.mmdb', 4, 32, \&flat );
write_towns( 'towns-ipv6.mmdb', 6, 28, \&flat );

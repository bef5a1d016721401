"""The synthetic walk, written a second time: prints what src/sources/synthetic/walk.rs must compute, bit for bit."""
M=(1<<64)-1
def fin(w):
    w=((w^(w>>30))*0xbf58476d1ce4e5b9)&M
    w=((w^(w>>27))*0x94d049bb133111eb)&M
    return w^(w>>31)
def mix(ws):
    s=0
    for w in ws: s=(fin((w&M)^s)+0x9e3779b97f4a7c15)&M
    return fin(s)
ERA=28*24*60; UNIT=10**6
def tdiv(a,b): 
    q=abs(a)//abs(b); return q if (a<0)==(b<0) else -q
def normal(d):
    return tdiv((sum((d>>(16*i))&0xffff for i in range(4))-131070)*UNIT,37837)
def trend(seed,m,sc,L,st):
    sh=m+seed%L; w,ph=divmod(sh,L); q=ph*4//L
    r=mix([seed,sc,w,0])%8
    if r<=2: return st
    if r<=5: return -st
    if r==6: return st if q in(0,3) else -st
    return st if q in(1,2) else -st
def jump(d):
    if d%1500: return 0
    s=12+(d>>32)%19
    return s*UNIT if d>>63==0 else -s*UNIT
def step(seed,m):
    s=normal(mix([seed,1,m,0]))
    for k,(L,st) in enumerate([(95,220000),(900,65000),(7200,30000)]): s+=trend(seed,m,2+k,L,st)
    return s+jump(mix([seed,9,m,0]))
import struct
def worth(seed,level,vol,m):
    e=m//ERA
    tot=sum(step(seed,x) for x in range(e*ERA,(e+1)*ERA)); su=sum(step(seed,x) for x in range(e*ERA,m))
    anc=lambda e: level*float(970000+mix([seed,0,e,0])%60001)/1e6
    part=(m%ERA)/ERA
    mv=(float(su)-float(tot)*part)/1e6; mv=mv*vol/1e6
    a,b=anc(e),anc(e+1)
    line=a+(b-a)*part
    return line*min(max(1.0+mv,.25),4.0)
print("mix", mix([1, 2, 3, 4]))
value = worth(7, 1.16, 100.0, 29000123)
print("worth", value, struct.unpack(">Q", struct.pack(">d", value))[0])
